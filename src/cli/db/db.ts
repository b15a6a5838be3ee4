import type { Command } from 'commander'
import { loadKeyRing } from '../../lib/crypto/master-key.ts'
import { shownDatabaseUrl } from '../../lib/net/database-url.ts'
import { systemClock } from '../../lib/time/clock.ts'
import { mendDatabase } from '../../store/check/mend.ts'
import { helpText } from '../kit/help.ts'
import { block, print } from '../kit/output.ts'
import { configOf, lookForInstance, reportCreated, requireInstance, withStore } from '../kit/with-core.ts'
import { backupCommand } from './db-backup.ts'
import { checkCommand } from './db-check.ts'
import { clockCommand } from './db-clock.ts'
import { moveCommand } from './db-move.ts'
import { restoreCommand } from './db-restore.ts'

/** `tessera db ...`: the database as a whole. */
export function dbCommands(program: Command): void {
  const db = program
    .command('db')
    .description('the database: schema, check, clock, move, backup, restore')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera db status', 'tessera db check', 'tessera db backup']))
  db.command('migrate')
    .description('create an instance, bring its database up to date, and put back what tessera db check found missing')
    .addHelpText('after', helpText(['tessera db migrate']))
    .action((_flags: unknown, command: Command) => migrate(command))
  db.command('status')
    .description('list applied and pending migrations; exits with 0 in either case')
    .addHelpText('after', helpText(['tessera db status', 'tessera db status --json']))
    .action((_flags: unknown, command: Command) => status(command))
  checkCommand(db)
  clockCommand(db)
  moveCommand(db)
  backupCommand(db)
  restoreCommand(db)
}

async function migrate(command: Command): Promise<void> {
  const config = configOf(command)
  const found = await lookForInstance(config)
  // Other commands find a key or refuse; one that a database was used with is never made anew.
  if (!found.keyed && config.masterKey.mayCreate) loadKeyRing(config.masterKey)
  await withStore(config, async ({ migrations }) => {
    const migrated = await migrations.migrate()
    // Of several that found nothing one has made it.
    const created = found.missing !== undefined && migrated.length > 0
    if (created) reportCreated(command, config, found)
    const database = shownDatabaseUrl(config.database.url)
    const mended = await mendDatabase(config.database.url, systemClock())
    const document = { database, created, migrated, mended, ...(await migrations.status()) }
    const lines = [
      ...(migrated.length === 0 ? [] : [`Applied: ${migrated.join(', ')}`]),
      ...(mended.length === 0 ? [] : [`Put back: ${mended.join(', ')}`]),
    ]
    print(command, document, lines.length === 0 ? 'The database is up to date.' : lines.join('\n'))
  })
}

async function status(command: Command): Promise<void> {
  const config = configOf(command)
  await requireInstance(config)
  await withStore(
    config,
    async ({ migrations }) => {
      const { applied, pending } = await migrations.status()
      const document = { database: shownDatabaseUrl(config.database.url), applied, pending }
      print(
        command,
        document,
        block([
          ['database', shownDatabaseUrl(config.database.url)],
          ['applied', applied],
          ['pending', pending],
        ]),
      )
    },
    { onlyReads: true },
  )
}
