import { removeApp } from '../../admin/apps/apps.ts'
import { createOrders } from '../../admin/change/run-change.ts'
import type { Audit } from '../../domain/instance/audit.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Store } from '../../store/store.ts'

interface Dependencies {
  readonly store: Pick<Store, 'read' | 'writeAlone'>
  readonly clock: Clock
  /** Milliseconds; `undefined` keeps everything. */
  readonly unusedFor: number | undefined
  readonly audit: Pick<Audit, 'within'>
}

const AT_ONCE = 100
// The server itself, whom nobody switches off.
const SERVER = { actor: 'maintenance', recheck: async () => undefined }

/** Removes apps that registered themselves long ago and that nobody ever allowed anything. */
export function createForgetUnused({ store, clock, unusedFor, audit }: Dependencies) {
  const change = createOrders({ store, clock, audit })
  return async function forgetUnused(): Promise<void> {
    if (unusedFor === undefined) return
    const before = clock() - unusedFor
    for (const uri of await store.read.selfRegistrations.unused(before, AT_ONCE))
      await change(SERVER, async (unit, context) => {
        // Somebody may have been quicker: another node, or a person who came after all.
        const still = await unit.selfRegistrations.unused(before, AT_ONCE)
        if (still.includes(uri)) await removeApp(unit, uri, context)
      })
  }
}
