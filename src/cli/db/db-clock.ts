import type { Command } from 'commander'
import { recordChange } from '../../admin/change/record-change.ts'
import type { AuditedUnit } from '../../domain/instance/audit.ts'
import { isoTime, MINUTE, systemClock } from '../../lib/time/clock.ts'
import {
  type ClockReset,
  isAheadOf,
  type KnownTime,
  readKnownTime,
  resetClock,
} from '../../store/transfer/reset-clock.ts'
import { commandLine } from '../kit/actor.ts'
import { helpText } from '../kit/help.ts'
import { confirm } from '../kit/input.ts'
import { block, note, print } from '../kit/output.ts'
import { configOf, namingDatabase, requireInstance } from '../kit/with-core.ts'
import { endedText } from './ended-text.ts'

const HELP = helpText(
  ['tessera db clock', 'tessera db clock --reset'],
  `The server records the time it has reached and never goes back behind it. --reset sets that record to the clock of this machine, so
set the clock right first. If the record or anything in the database is later than the clock, everything issued ends: sessions, codes,
tokens, locks, and the signing keys made at such times; everybody has to sign in again. People, apps, passwords and secrets stay as
they are. Running servers follow within 5 s; if you can, stop them first.`,
)

interface Flags {
  readonly reset?: boolean
  readonly yes?: boolean
}

/** `tessera db clock`: the time that the database goes by, and the way back from a wrong one. */
export function clockCommand(db: Command): void {
  db.command('clock')
    .description('show the latest time this database has seen; --reset sets it to the clock of this machine')
    .option('--reset', 'set the record to the clock of this machine, forward or back')
    .option('--yes', 'do not ask for confirmation, even if everything issued ends')
    .addHelpText('after', HELP)
    .action((flags: Flags, command: Command) => (flags.reset ? reset(flags, command) : show(command)))
}

const shown = (time: number | undefined): string | null => (time === undefined ? null : isoTime(time))

function compare({ record, latest }: KnownTime, now: number): string {
  if (isAheadOf({ record, latest }, now))
    return 'the database has seen later times; if the clock is right, run tessera db clock --reset'
  if (record === undefined) return 'no time is recorded yet; a server records it after its first hour'
  const behind = now - record
  return behind > MINUTE
    ? `the record is ${Math.round(behind / MINUTE)} minutes behind the clock`
    : 'clock and record agree'
}

async function readTime(command: Command): Promise<{ readonly known: KnownTime; readonly url: string }> {
  const config = configOf(command)
  await requireInstance(config)
  const { url } = config.database
  return {
    url,
    known: await readKnownTime(url).catch((error: unknown) => Promise.reject(namingDatabase(error, config))),
  }
}

async function show(command: Command): Promise<void> {
  const { known } = await readTime(command)
  const now = systemClock()
  const { record, latest } = known
  const found = compare(known, now)
  const [recorded, newest] = [shown(record), latest === 0 ? null : isoTime(latest)]
  print(
    command,
    { clock: isoTime(now), record: recorded, latest: newest, ahead: isAheadOf(known, now), found },
    block([
      ['clock', isoTime(now)],
      ['record', recorded ?? '-'],
      ['latest', newest ?? '-'],
      ['found', found],
    ]),
  )
}

async function reset({ yes }: Flags, command: Command): Promise<void> {
  const { known, url } = await readTime(command)
  const now = systemClock()
  if (isAheadOf(known, now))
    await confirm(
      command,
      `The time goes back to ${isoTime(now)}: everything issued ends, and everybody has to sign in again.`,
      yes,
    )
  const done = await resetClock(url, systemClock, recordReset).catch((error: unknown) =>
    Promise.reject(namingDatabase(error, configOf(command))),
  )
  const ended = done.ended ?? null
  print(
    command,
    { record: isoTime(done.to), before: shown(done.record), ended },
    ended === null
      ? `The record is now ${isoTime(done.to)}; nothing in the database was later than that.`
      : `The time is ${isoTime(done.to)} again. Ended: ${endedText(ended)}.`,
  )
  if (ended !== null) note(command, 'The audit log keeps the wrong times. Restart every server whose clock was wrong.')
}

function recordReset(unit: AuditedUnit, { record, to, ended }: ClockReset): Promise<void> {
  const detail = { from: shown(record), to: isoTime(to), ...ended }
  return recordChange(unit, { event: 'clock_reset', detail }, commandLine(to))
}
