import { toAuditRecord } from '../domain/audit.ts'
import { TIME_REACHED } from '../domain/instance-settings.ts'
import { SECOND } from '../lib/clock.ts'
import { newOrderedId } from '../lib/secrets.ts'
import type { Timekeeper } from '../lib/timekeeper.ts'
import type { Store } from '../repositories/store.ts'

interface Log {
  warn(record: object, message: string): void
}

interface Dependencies {
  readonly store: Pick<Store, 'write'>
  readonly time: Timekeeper
  readonly log: Log
}

// A clock that is disciplined moves by less.
const STEP = 2 * SECOND

/** Writes down the time reached, and tells when the machine's clock was set. */
export function createWatchTime({ store, time, log }: Dependencies) {
  let lead = time.lead()
  if (lead < -STEP) tell(lead, 'is behind the time this database has seen; check it')

  function tell(by: number, what: string): void {
    log.warn({ clock: { lead: by } }, `the machine's clock ${what}`)
  }

  return async function watchTime(): Promise<void> {
    const now = time.lead()
    const step = now - lead
    lead = now
    const stepped = Math.abs(step) > STEP
    if (stepped)
      tell(now, step > 0 ? `was set forward by ${step} ms` : `was set back by ${-step} ms, which is not followed`)
    const event = { event: 'clock_stepped', actor: 'server', detail: { step, lead: now } } as const
    await store.write(async ({ settings, auditEvents }) => {
      // Another node may be ahead.
      const reached = Math.max(time.floor(), Number((await settings.get(TIME_REACHED)) ?? 0))
      await settings.set(TIME_REACHED, String(reached))
      if (stepped) await auditEvents.add([toAuditRecord(event, newOrderedId(time.now()), time.now())])
    })
  }
}
