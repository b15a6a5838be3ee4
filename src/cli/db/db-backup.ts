import type { Command } from 'commander'
import type { Config } from '../../config/read-config.ts'
import { isoTime, systemClock } from '../../lib/time/clock.ts'
import { backUpDatabase } from '../../store/transfer/backup.ts'
import { globalsOf } from '../kit/globals.ts'
import { guardedFiles } from '../kit/guarded-files.ts'
import { helpText } from '../kit/help.ts'
import { note, print } from '../kit/output.ts'
import { progressOn } from '../kit/progress.ts'
import { configOf, namingDatabase, requireInstance } from '../kit/with-core.ts'

const HELP = helpText(
  ['tessera db backup', 'tessera db backup /var/backups/tessera.db --force'],
  `Copies one moment of the database, SQLite or PostgreSQL, into one SQLite file that only its owner can read, while the server keeps
running. The backup holds nothing written after that moment: the recovery point is the time of the last backup. It does not hold the
master key either, and without it nobody can open the signing keys: keep a copy of the key elsewhere.`,
)

/** `tessera db backup`: a copy to restore from. */
export function backupCommand(db: Command): void {
  db.command('backup')
    .description('copy the database into a file while the server runs')
    .argument('[file]', 'the file to write (default: tessera-backup-TIME.db in this folder)')
    .option('--force', 'replace an earlier backup of that name; never replaces any other file')
    .addHelpText('after', HELP)
    .action(backUp)
}

async function backUp(named: string | undefined, flags: { readonly force?: boolean }, command: Command): Promise<void> {
  const config: Config = configOf(command)
  await requireInstance(config)
  const file = named ?? `tessera-backup-${isoTime(systemClock()).replaceAll(/[:.]/g, '-')}.db`
  const progress = progressOn(command, globalsOf(command).json)
  const { url } = config.database
  const outcome = await backUpDatabase({
    url,
    file,
    force: flags.force === true,
    guarded: guardedFiles(config, globalsOf(command).config),
    report: progress.report,
    clock: systemClock,
  })
    .catch((error: unknown) => Promise.reject(namingDatabase(error, config)))
    .finally(progress.end)
  const rows = outcome.tables.reduce((sum, table) => sum + table.rows, 0)
  print(
    command,
    { ...outcome, at: isoTime(outcome.at) },
    `${outcome.file}: ${rows} rows of ${outcome.of} as of ${isoTime(outcome.at)}, ${outcome.bytes} bytes, verified.`,
  )
  note(command, 'The backup does not hold the master key: keep a copy of the key, in another place.')
}
