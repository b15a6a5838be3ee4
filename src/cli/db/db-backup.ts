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
  `One moment of the database, SQLite or PostgreSQL, as one SQLite file that only its owner can read; the server goes on. What is
written after that moment is not in it: the recovery point is the time of the last backup. The master key is not in it either;
keep it apart, without it the signing keys in the backup cannot be opened. --force replaces an earlier backup and nothing else.`,
)

/** `tessera db backup`: a copy to restore from. */
export function backupCommand(db: Command): void {
  db.command('backup')
    .description('copy the database into a file while it is served')
    .argument('[file]', 'where to; tessera-backup-TIME.db in this folder unless given')
    .option('--force', 'replace an earlier backup of that name; no other file is ever replaced')
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
  note(command, 'The master key is not in it; keep that as well, and elsewhere.')
}
