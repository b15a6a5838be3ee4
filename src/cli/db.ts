import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { parseDatabaseUrl, shownDatabaseUrl } from '../lib/database-url.ts'
import { helpText } from './help.ts'
import { block, print } from './output.ts'
import { impossible } from './problem.ts'
import { configOf, withStore } from './with-core.ts'

/** `tessera db ...`: the schema of the database. */
export function dbCommands(program: Command): void {
  const db = program
    .command('db')
    .description('schema of the database')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera db status', 'tessera db migrate']))
  db.command('migrate')
    .description('bring the database up to date; every other command but "db status" does so too')
    .addHelpText('after', helpText(['tessera db migrate']))
    .action((_flags: unknown, command: Command) => migrate(command))
  db.command('status')
    .description('list the migrations applied and pending; exit code 0 in either case')
    .addHelpText('after', helpText(['tessera db status', 'tessera db status --json']))
    .action((_flags: unknown, command: Command) => status(command))
}

function migrate(command: Command): Promise<void> {
  const config = configOf(command)
  return withStore(config, async ({ migrations }) => {
    const migrated = await migrations.migrate()
    const document = { database: shownDatabaseUrl(config.database.url), migrated, ...(await migrations.status()) }
    print(
      command,
      document,
      migrated.length === 0 ? 'The database is up to date.' : `Applied now: ${migrated.join(', ')}`,
    )
  })
}

function status(command: Command): Promise<void> {
  const config = configOf(command)
  requireDatabase(config)
  return withStore(config, async ({ migrations }) => {
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
  })
}

/** Asking for the state must not make an empty database. */
function requireDatabase({ database: { url } }: Config): void {
  const address = parseDatabaseUrl(url)
  if (address.kind === 'postgres' || existsSync(address.path)) return
  throw impossible(`there is no database ${url} yet; tessera db migrate makes it, and so does every other command`)
}
