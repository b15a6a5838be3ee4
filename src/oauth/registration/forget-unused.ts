import { removeApp } from '../../admin/apps/apps.ts'
import type { RunChange } from '../../admin/change/run-change.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { SelfRegistrations } from '../../store/repositories/apps/self-registrations.ts'

interface Dependencies {
  readonly selfRegistrations: Pick<SelfRegistrations, 'unused'>
  readonly runChange: RunChange<'selfRegistrations' | 'apps' | 'resources' | 'auditEvents'>
  readonly clock: Clock
  /** Milliseconds; `undefined` keeps everything. */
  readonly unusedFor: number | undefined
}

const AT_ONCE = 100
// The server itself, whom nobody switches off.
const SERVER = { actor: 'maintenance', recheck: async () => undefined }

/** Removes apps that registered themselves long ago and that nobody ever allowed anything. */
export function createForgetUnused({ selfRegistrations, runChange, clock, unusedFor }: Dependencies) {
  return async function forgetUnused(): Promise<void> {
    if (unusedFor === undefined) return
    const before = clock() - unusedFor
    for (const uri of await selfRegistrations.unused(before, AT_ONCE))
      await runChange(SERVER, async (unit, context) => {
        // Somebody may have been quicker: another node, or a person who came after all.
        const still = await unit.selfRegistrations.unused(before, AT_ONCE)
        if (still.includes(uri)) await removeApp(unit, uri, context)
      })
  }
}
