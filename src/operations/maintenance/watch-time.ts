import type { Audit } from '../../domain/instance/audit.ts'
import { TIME_REACHED } from '../../domain/instance/instance-settings.ts'
import { STEP, type Timekeeper } from '../../lib/time/timekeeper.ts'
import type { Repositories, Write } from '../../store/store.ts'

interface Log {
  warn(record: object, message: string): void
}

interface Dependencies {
  readonly writeEnding: Write<'settings' | 'auditEvents'>
  readonly time: Timekeeper
  readonly audit: Pick<Audit, 'within'>
  readonly log: Log
}

const UNTIL_BELIEVED = 'the new time is recorded once this has lasted an hour'

/** Writes down the time reached as soon as it is believed, and tells when the machine's clock was set. */
export function createWatchTime({ writeEnding, time, audit, log }: Dependencies) {
  let setBy = time.wasSetBy()
  // What the record was when this node last looked; only somebody who puts it right makes it less.
  let seen: number | undefined
  let isContradicted = false
  if (time.lead() < -STEP) report('is behind the latest time this database has seen; check the clock')
  if (time.lead() > STEP && !time.isBelieved())
    report(`is far ahead of the latest time this database has seen; ${UNTIL_BELIEVED}`)

  function report(what: string): void {
    log.warn({ clock: { lead: time.lead() } }, `the machine's clock ${what}`)
  }

  function compare(record: number): void {
    if (seen !== undefined && record < seen) {
      time.restart(record)
      report('is the record again, after tessera db clock --reset')
    } else if (seen !== undefined && record > seen) {
      time.hear(record)
      if (!time.isBelieved() && !isContradicted)
        report('is ahead of the clock of another node; check the clocks of all nodes')
      isContradicted = !time.isBelieved()
    }
    seen = record
  }

  /** @returns the record as it is once this is committed */
  async function writeDown({ settings }: Pick<Repositories, 'settings'>): Promise<number> {
    const stored = await settings.get(TIME_REACHED)
    const record = Number(stored ?? 0)
    compare(record)
    const reached = time.floor()
    if (!time.isBelieved() || reached <= record) return record
    // Whoever was faster said as much, or put it right.
    return (await settings.replace(TIME_REACHED, stored, String(reached))) ? reached : record
  }

  return async function watchTime(): Promise<void> {
    const step = Math.round(time.wasSetBy() - setBy)
    setBy += step
    const stepped = Math.abs(step) > STEP
    if (stepped)
      report(step > 0 ? `was set forward by ${step} ms` : `was set back by ${-step} ms, which is not followed`)
    const event = { event: 'clock_stepped', actor: 'server', detail: { step, lead: time.lead() } } as const
    // Also while a full disk has stopped what is less needed: a record that stands still for a month stops the next start.
    seen = await writeEnding(async (unit) => {
      const record = await writeDown(unit)
      if (stepped) await audit.within(unit, event)
      return record
    })
  }
}
