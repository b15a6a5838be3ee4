import type { Audit } from '../../domain/instance/audit.ts'
import { TIME_REACHED } from '../../domain/instance/instance-settings.ts'
import { type Clock, DAY, isoTime } from '../../lib/time/clock.ts'
import { LONGEST_LEAD, type StartTime, type Timekeeper } from '../../lib/time/timekeeper.ts'
import type { Store, Write } from '../../store/store.ts'

/** The machine's clock is so far ahead of the time the database has seen that it may be wrong; the message says what to do. */
export class ClockAhead extends Error {}

/** What happens where the clock is too far ahead: nothing is opened, nothing is written, or somebody vouches for it. */
export type AheadOfRecord = 'refuse' | 'read only' | { readonly acceptedBy: string }

type AuditBy = (clock: Clock) => Pick<Audit, 'within'>

/**
 * Starts the time of a process, and checks the machine's clock against what the database has seen.
 * @param auditBy writes down by a clock what happens
 * @returns the time, and the store as far as it may be used
 * @throws ClockAhead
 */
export async function checkClock(
  store: Store,
  startTime: StartTime,
  whenAhead: AheadOfRecord,
  auditBy: AuditBy,
): Promise<{ time: Timekeeper; store: Store }> {
  const record = Number((await store.read.settings.get(TIME_REACHED)) ?? 0)
  const time = startTime(record)
  if (record === 0 || time.lead() <= LONGEST_LEAD) return { time, store }
  if (typeof whenAhead === 'object') {
    const now = time.now()
    await accept(
      store.writeAlone,
      { actor: whenAhead.acceptedBy, record, now },
      auditBy(() => now),
    )
    return { time: startTime(now), store }
  }
  const refusal = new ClockAhead(explain(time.now(), record))
  if (whenAhead === 'refuse') throw refusal
  const refuse = () => Promise.reject(refusal)
  const refusing = {
    write: refuse,
    writeAlone: refuse,
    writeEnding: refuse,
    writeStaged: refuse,
    writeStagedInTurn: refuse,
  }
  return { time, store: { ...store, ...refusing } }
}

const explain = (now: number, record: number): string =>
  `the clock of this machine says ${isoTime(now)}, but the latest time that this database has seen is ${isoTime(record)}, ` +
  `${Math.floor((now - record) / DAY)} days earlier; if the clock is right (the server was off in between), ` +
  'run this once more with --accept-clock; if it is wrong, set it first: what happens at a wrong time is not undone'

/** Somebody says that the clock is right, so it counts from now on. */
async function accept(
  writeAlone: Write<'settings' | 'auditEvents'>,
  { actor, record, now }: { readonly actor: string; readonly record: number; readonly now: number },
  audit: Pick<Audit, 'within'>,
): Promise<void> {
  const detail = { from: isoTime(record), to: isoTime(now) }
  const event = { event: 'clock_accepted', actor, detail } as const
  await writeAlone(async (unit) => {
    if (!(await unit.settings.replace(TIME_REACHED, String(record), String(now)))) return
    await audit.within(unit, event)
  })
}
