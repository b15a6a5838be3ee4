import type { Command } from 'commander'
import type { Config } from '../../config/read-config.ts'
import { loadMasterKey, markOf } from '../../lib/crypto/master-key.ts'
import { deriveKey, open } from '../../lib/crypto/sealed-box.ts'
import { shownDatabaseUrl } from '../../lib/net/database-url.ts'
import { systemClock } from '../../lib/time/clock.ts'
import { type Check, failed, messageOf, passed } from '../../store/check/check.ts'
import { checkDatabase, type Sealed } from '../../store/check/check-database.ts'
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
  const { checks, sealed } = await checkDatabase(config.database.url, systemClock())
  const all = [...checks, ...(sealed ? [checkKeys(sealed, config)] : [])]
  const outcome = all.every((each) => each.passed) ? 'sound' : 'faulty'
  if (outcome === 'faulty') terminalOf(command).exitCode = 1
  const rows = all.map(({ name, detail, passed: isPassed }) => [isPassed ? 'passed' : 'failed', name, detail])
  const database = shownDatabaseUrl(config.database.url)
  print(command, { outcome, database, checks: all }, `${database} is ${outcome}.\n${columns(rows)}`)
}

/** A signing key that cannot be opened signs nothing. */
function checkKeys({ mark, keys }: Sealed, { masterKey }: Pick<Config, 'masterKey'>): Check {
  const name = 'signing keys'
  try {
    const master = loadMasterKey({ ...masterKey, mayCreate: false })
    const sealing = deriveKey(master, 'signing-keys')
    const remedy = 'put back the key that the database was created with (TESSERA_MASTER_KEY_FILE)'
    if (mark !== undefined && mark !== markOf(master))
      return failed(name, 'this is not the master key of this database', remedy)
    const stuck = keys.find(({ kid, sealedPrivateJwk }) => open(sealing, sealedPrivateJwk, kid) === undefined)
    if (stuck) return failed(name, `${stuck.kid} does not open under the master key`, remedy)
    return passed(name, `${keys.length} open under the master key`)
  } catch (error) {
    return { name, passed: false, detail: messageOf(error) }
  }
}
