import type { AppSecret } from '../domain/trusted-application.ts'
import { createBatches } from '../lib/batches.ts'
import { type Clock, MINUTE } from '../lib/clock.ts'
import type { Store } from '../repositories/store.ts'

interface Dependencies {
  readonly store: Pick<Store, 'write'>
  readonly clock: Clock
  /** Told how many could not be noted. */
  readonly onLost: (count: number, error?: unknown) => void
}

// A secret in use is written at most this often.
const NOTE_EVERY = 5 * MINUTE
const MOST_WAITING = 1000

export type SecretUse = ReturnType<typeof createSecretUse>

/** Notes when each secret was last used, so that an administrator sees which one an app still sends; no request waits for it. */
export function createSecretUse({ store, clock, onLost }: Dependencies) {
  // What is on its way, or failed lately: the record does not tell of it yet.
  const tried = new Map<string, number>()

  const batches = createBatches<{ readonly id: string; readonly at: number }>({
    write: async (uses) => {
      await store.write(async ({ apps }) => {
        for (const { id, at } of uses) await apps.touchSecret(id, at)
      })
      for (const { id } of uses) tried.delete(id)
    },
    most: MOST_WAITING,
    onLost,
  })

  return {
    /** @param secret as it was read to prove this very request */
    note({ id, lastUsedAt }: Pick<AppSecret, 'id' | 'lastUsedAt'>): void {
      const now = clock()
      const last = Math.max(lastUsedAt ?? -Infinity, tried.get(id) ?? -Infinity)
      if (now - last < NOTE_EVERY) return
      tried.set(id, now)
      batches.add({ id, at: now })
    },
    flush: batches.flush,
  }
}
