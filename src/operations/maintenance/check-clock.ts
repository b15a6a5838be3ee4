import { toAuditRecord } from '../../domain/instance/audit.ts'
import { TIME_REACHED } from '../../domain/instance/instance-settings.ts'
import { newOrderedId } from '../../lib/crypto/secrets.ts'
import { DAY, isoTime } from '../../lib/time/clock.ts'
import type { StartTime, Timekeeper } from '../../lib/time/timekeeper.ts'
import type { Store } from '../../store/store.ts'

/** The machine's clock is so far ahead of the time the database has seen that it may be wrong; the message says what to do. */
export class ClockAhead extends Error {}

/** What happens where the clock is too far ahead: nothing is opened, nothing is written, or somebody vouches for it. */
export type AheadOfRecord = 'refuse' | 'read only' | { readonly acceptedBy: string }

// An instance that was off for longer is rare, and whoever starts it again is there.
const LONGEST_LEAD = DAY

/**
 * Starts the time of a process, and checks the machine's clock against what the database has seen.
 * @returns the time, and the store as far as it may be used
 * @throws ClockAhead
 */
export async function checkClock(
  store: Store,
  startTime: StartTime,
  whenAhead: AheadOfRecord,
): Promise<{ time: Timekeeper; store: Store }> {
  const record = Number((await store.read.settings.get(TIME_REACHED)) ?? 0)
  const time = startTime(record)
  if (record === 0 || time.lead() <= LONGEST_LEAD) return { time, store }
  if (typeof whenAhead === 'object')
    return { time: await accept(store, startTime, whenAhead.acceptedBy, record), store }
  const refusal = new ClockAhead(explain(time.now(), record))
  if (whenAhead === 'refuse') throw refusal
  const refuse = () => Promise.reject(refusal)
  return { time, store: { ...store, write: refuse, writeAlone: refuse, writeEnding: refuse } }
}

const explain = (now: number, record: number): string =>
  `the clock of this machine says ${isoTime(now)}, but the latest time that this database has seen is ${isoTime(record)}, ` +
  `${Math.floor((now - record) / DAY)} days before; if the clock is right (nothing was served meanwhile), ` +
  'repeat this once with --accept-clock; if it is wrong, set it first: what is done at a wrong time stays'

/** Somebody says that the clock is right, so it counts from now on. */
async function accept(store: Store, startTime: StartTime, actor: string, record: number): Promise<Timekeeper> {
  const now = startTime(record).now()
  const detail = { from: isoTime(record), to: isoTime(now) }
  const event = { event: 'clock_accepted', actor, detail } as const
  await store.writeAlone(async ({ settings, auditEvents }) => {
    if (!(await settings.replace(TIME_REACHED, String(record), String(now)))) return
    await auditEvents.add([toAuditRecord(event, newOrderedId(now), now)])
  })
  return startTime(now)
}
