import type { Command } from 'commander'
import type { Config } from '../../config/read-config.ts'
import { loadKeyRing, MasterKeyFault } from '../../lib/crypto/master-key.ts'
import { shownDatabaseUrl } from '../../lib/net/database-url.ts'
import { systemClock } from '../../lib/time/clock.ts'
import { checkDatabase } from '../../store/check/check-database.ts'
import type { AtHand } from '../../store/check/check-sealed.ts'
import { helpText } from '../kit/help.ts'
import { columns, print } from '../kit/output.ts'
import { terminalOf } from '../kit/terminal.ts'
import { configOf } from '../kit/with-core.ts'

const HELP = helpText(
  ['tessera db check', 'tessera db check --json'],
  `Changes nothing, and works even if the server can no longer use the database. Reads every page of a SQLite file.
Exit codes: 0 every check passed; 1 a check failed, and its line ends with the fix.`,
)

/** `tessera db check`: is everything as it should be? */
export function checkCommand(db: Command): void {
  db.command('check')
    .description('check that the database is sound, durable and can be opened')
    .addHelpText('after', HELP)
    .action((_flags: unknown, command: Command) => check(command))
}

async function check(command: Command): Promise<void> {
  const config = configOf(command)
  const all = await checkDatabase(config.database.url, systemClock(), masterKeyAtHand(config))
  const outcome = all.every((each) => each.passed) ? 'sound' : 'faulty'
  if (outcome === 'faulty') terminalOf(command).exitCode = 1
  const rows = all.map(({ name, detail, passed: isPassed }) => [isPassed ? 'passed' : 'failed', name, detail])
  const database = shownDatabaseUrl(config.database.url)
  print(command, { outcome, database, checks: all }, `${database} is ${outcome}.\n${columns(rows)}`)
}

/** None is made here: another one opens nothing. */
function masterKeyAtHand({ masterKey }: Pick<Config, 'masterKey'>): AtHand {
  try {
    return { ring: loadKeyRing({ ...masterKey, mayCreate: false, keyed: true }) }
  } catch (error) {
    if (error instanceof MasterKeyFault) return { fault: error.message }
    throw error
  }
}
