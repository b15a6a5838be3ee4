import { resolve } from 'node:path'
import type { Command } from 'commander'
import { recordChange } from '../../admin/change/record-change.ts'
import type { Config } from '../../config/read-config.ts'
import { newId } from '../../lib/crypto/secrets.ts'
import { parseDatabaseUrl } from '../../lib/net/database-url.ts'
import { systemClock } from '../../lib/time/clock.ts'
import { type MoveOutcome, moveDatabase, planMove, undoMove } from '../../store/transfer/move.ts'
import { requireFree } from '../../store/transfer/output-file.ts'
import { commandLine } from '../kit/actor.ts'
import { globalsOf } from '../kit/globals.ts'
import { guardedFiles } from '../kit/guarded-files.ts'
import { helpText } from '../kit/help.ts'
import { confirm } from '../kit/input.ts'
import { note, print, table } from '../kit/output.ts'
import { impossible, wrongUsage } from '../kit/problem.ts'
import { progressOn } from '../kit/progress.ts'
import { configOf, namingDatabase, requireInstance } from '../kit/with-core.ts'
import { type TargetFlags, targetOf } from './move-target.ts'

const HELP = helpText(
  [
    'tessera db move --to-url-file /etc/tessera/new-database.url --dry-run',
    'tessera db move --to-url-file /etc/tessera/new-database.url',
    'tessera db move --to file:/var/lib/tessera/tessera.db',
    'tessera db move --undo',
  ],
  `Copies the configured database into an empty one while the server keeps running. Writers wait only for the last changes, while row
counts and checksums of all tables are compared; if that takes longer than 2 s, they get 503 with Retry-After. After that the old
database accepts no writes: set TESSERA_DATABASE_URL to the new one and restart. If the move is interrupted, run it again.
A URL with a password goes into a file that only you can read, or into TESSERA_MOVE_TO: everybody can read arguments.`,
)

interface Flags extends TargetFlags {
  readonly dryRun?: boolean
  readonly undo?: boolean
  readonly yes?: boolean
}

/** `tessera db move`: another database for the same instance. */
export function moveCommand(db: Command): void {
  db.command('move')
    .description('move the instance to another database while the server runs')
    .option('--to <url>', 'the new database, postgres: without a password, or file:')
    .option('--to-url-file <file>', 'a file that only you can read, with the URL of the new database')
    .option('--dry-run', 'show what would be copied, and change nothing')
    .option('--undo', 'put a database that was moved away back into service; everybody has to sign in again')
    .option('--yes', 'do not ask for confirmation of --undo')
    .addHelpText('after', HELP)
    .action(move)
}

async function move(flags: Flags, command: Command): Promise<void> {
  const { to, toUrlFile, dryRun, undo, yes } = flags
  if (undo && (to ?? toUrlFile) !== undefined) throw wrongUsage('either --undo or a new database is expected')
  const config = configOf(command)
  if (undo) {
    await requireInstance(config)
    return reopen(config, yes, command)
  }
  const target = targetOf(flags, config)
  await requireInstance(config)
  requireOther(target, config, command)
  return dryRun ? showPlan(config, target, command) : moveNow(config, target, command)
}

/** @throws OutputRefused where the new database would be written over something else */
function requireOther(to: string, config: Config, command: Command): void {
  const address = parseDatabaseUrl(to)
  if (address.kind !== 'file') return
  const guarded = guardedFiles(config, globalsOf(command).config)
  requireFree({ path: resolve(address.path), guarded, over: 'database' })
}

async function showPlan(config: Config, to: string, command: Command): Promise<void> {
  const { tables, obstacle } = await planMove(config.database.url, to).catch(rethrow(config))
  if (obstacle !== undefined) throw impossible(obstacle)
  const rows = tables.map((each) => [each.table, String(each.rows)])
  print(command, { tables }, `Would be copied:\n${table(['Table', 'Rows'], rows, '')}`)
}

async function moveNow(config: Config, to: string, command: Command): Promise<void> {
  const progress = progressOn(command, globalsOf(command).json)
  const outcome = await moveDatabase({
    from: config.database.url,
    to,
    run: newId(),
    report: progress.report,
    clock: systemClock,
    record: (unit, tables, from) => {
      const rows = tables.reduce((sum, each) => sum + each.rows, 0)
      return recordChange(unit, { event: 'database_moved', detail: { from, rows } }, commandLine(systemClock()))
    },
  })
    .catch(rethrow(config))
    .finally(progress.end)
  print(command, outcome, summary(outcome))
  const url = outcome.to.startsWith('file:') ? outcome.to : `${outcome.to} (with its password)`
  note(command, `Now set TESSERA_DATABASE_URL to ${url} and restart every server; the master key stays the same.`)
  note(command, `${outcome.from} accepts no more writes; keep it until the new one is backed up.`)
}

function summary({ tables, from, to, writersWaited }: MoveOutcome): string {
  const rows = tables.map((each) => [each.table, String(each.rows), each.checksum])
  return `${table(['Table', 'Rows', 'Checksum on both sides'], rows, '')}\n\nMoved ${from} to ${to}. Writers waited ${writersWaited} ms.`
}

async function reopen(config: Config, yes: boolean | undefined, command: Command): Promise<void> {
  await confirm(
    command,
    'This database lacks all changes made in the new one since the move, and everybody has to sign in again.',
    yes,
  )
  const undone = await undoMove(config.database.url, systemClock, (unit, ended, to) => {
    const detail = { movedTo: to, ...ended }
    return recordChange(unit, { event: 'database_reopened', detail }, commandLine(systemClock()))
  }).catch(rethrow(config))
  print(
    command,
    undone,
    `This database is back in service; it had been moved to ${undone.to}. All earlier codes, tokens and sessions have ended.`,
  )
  note(command, 'Make sure that no server still uses the other database.')
}

const rethrow =
  (config: Config) =>
  (error: unknown): never => {
    throw namingDatabase(error, config)
  }
