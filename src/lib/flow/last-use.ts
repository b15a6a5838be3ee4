import type { Clock } from '../time/clock.ts'
import { createBatches } from './batches.ts'

/** That something was used, and when; milliseconds since 1970. */
export interface Use {
  readonly id: string
  readonly at: number
}

interface Options {
  /** Stores the uses in one unit of work. */
  readonly write: (uses: readonly Use[]) => Promise<void>
  readonly clock: Clock
  /** Milliseconds; a thing in use is written at most this often. */
  readonly every: number
  /** Told how many could not be noted. */
  readonly onLost: (count: number, error?: unknown) => void
}

const MOST_WAITING = 1000

export type LastUse = ReturnType<typeof createLastUse>

/** Notes when each of many things was last used; nobody who uses them waits for it. */
export function createLastUse({ write, clock, every, onLost }: Options) {
  // What is on its way, or failed lately: the record does not tell of it yet.
  const tried = new Map<string, number>()

  const batches = createBatches<Use>({
    write: async (uses) => {
      await write(uses)
      for (const { id } of uses) tried.delete(id)
    },
    most: MOST_WAITING,
    onLost,
  })

  return {
    /** @param lastUsedAt as the record told it just now */
    note({ id, lastUsedAt }: { readonly id: string; readonly lastUsedAt: number | undefined }): void {
      const now = clock()
      const last = Math.max(lastUsedAt ?? -Infinity, tried.get(id) ?? -Infinity)
      if (now - last < every) return
      tried.set(id, now)
      batches.add({ id, at: now })
    },
    flush: batches.flush,
  }
}
