import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { withSuggestion } from '../../admin/change/suggest.ts'
import { type Core, openCore } from '../../compose/core.ts'
import { requireScopesToGive } from '../../compose/scopes-to-give.ts'
import { type Config, readConfig } from '../../config/read-config.ts'
import { FolderFault } from '../../lib/files/make-folder.ts'
import { shownDatabaseUrl } from '../../lib/net/database-url.ts'
import { systemClock } from '../../lib/time/clock.ts'
import { systemTime } from '../../lib/time/timekeeper.ts'
import type { AheadOfRecord } from '../../operations/maintenance/check-clock.ts'
import { type Found, findInstance } from '../../store/find-instance.ts'
import { openStore, whyNotOpened } from '../../store/open-store.ts'
import type { Store } from '../../store/store.ts'
import { commandLine } from './actor.ts'
import { globalsOf } from './globals.ts'
import { note } from './output.ts'
import { impossible } from './problem.ts'
import { terminalOf } from './terminal.ts'

/** The configuration that a command runs with: its environment over the file of `--config`. */
export const configOf = (command: Command): Config =>
  readConfig(terminalOf(command).environment, globalsOf(command).config)

/** Whether a command makes an instance where there is none, and whether it makes it ready for anything but reading. */
interface Making {
  readonly make?: boolean
  /** Whether it only reads: it then takes the database as it is, and waits for nobody who writes. */
  readonly onlyReads?: boolean
}

/** Looks whether there is an instance; a database that cannot be asked is named. */
export const lookForInstance = (config: Pick<Config, 'database'>): Promise<Found> =>
  findInstance(config.database.url).catch((error: unknown) => Promise.reject(namingDatabase(error, config)))

/** What somebody is mistaken about must not become a new instance. @throws Problem */
export async function requireInstance(config: Pick<Config, 'database'>): Promise<Found> {
  const found = await lookForInstance(config)
  if (found.missing === undefined) return found
  const where = 'check TESSERA_DATA_DIR, TESSERA_DATABASE_URL and --config'
  const makers = 'create one with tessera serve, tessera db migrate, tessera apply or tessera db restore'
  throw impossible(`there is no instance at ${found.shown}: ${found.missing}; ${where}, or ${makers}`)
}

/** Says that there is an instance now which was not there before. */
export function reportCreated(
  command: Command,
  { masterKey }: Pick<Config, 'masterKey'>,
  { shown }: Pick<Found, 'shown'>,
): void {
  note(command, `created a new instance: database ${shown}, ${keyText(masterKey)}`)
}

function keyText({ value, file }: Config['masterKey']): string {
  if (value !== undefined) return 'master key of TESSERA_MASTER_KEY'
  return existsSync(file) ? `master key ${resolve(file)}` : `no master key yet; it belongs in ${resolve(file)}`
}

/** Opens the instance to serve it, and makes it where there is none. */
export async function openToServe(command: Command, config: Config): Promise<Core> {
  const core = await openInstance(command, config, { make: true, whenAhead: 'refuse' })
  try {
    await requireScopesToGive(config, core)
    return core
  } catch (error) {
    await core.close()
    throw error
  }
}

/**
 * Opens the instance; its database is brought up to date first where anything but reading is to be done.
 * @throws Problem where there is none, unless one is to be made
 */
async function openInstance(
  command: Command,
  config: Config,
  { make = false, onlyReads = false, whenAhead }: Making & { readonly whenAhead: AheadOfRecord },
): Promise<Core> {
  const found = await (make ? lookForInstance(config) : requireInstance(config))
  const { keyed, missing } = found
  const masterKey = { ...config.masterKey, mayCreate: make && !keyed && config.masterKey.mayCreate, keyed }
  const database = { ...config.database, mustExist: missing === undefined, toRead: onlyReads }
  const ahead = globalsOf(command).acceptClock ? { acceptedBy: commandLine(systemClock()).actor } : whenAhead
  const opening = onlyReads ? 'as it is' : 'make ready'
  const core = await openCore({ ...config, masterKey, database }, systemTime, ahead, opening).catch((error: unknown) =>
    Promise.reject(namingDatabase(error, config)),
  )
  if (missing !== undefined) reportCreated(command, config, found)
  return core
}

/** Opens the instance for the time of one piece of work; by a clock that may be wrong it is read alone. */
export async function withCore(
  command: Command,
  work: (core: Core, config: Config) => Promise<void>,
  making: Making = {},
): Promise<void> {
  const config = configOf(command)
  const core = await openInstance(command, config, { ...making, whenAhead: 'read only' })
  try {
    await work(core, config)
  } catch (error) {
    throw await withSuggestion(error, core.store.read)
  } finally {
    await core.close()
  }
}

/** The same for a command that only reads: it neither brings the database up to date nor makes anything in it. */
export const withCoreAsItIs = (command: Command, work: (core: Core, config: Config) => Promise<void>): Promise<void> =>
  withCore(command, work, { onlyReads: true })

/** Opens the database without bringing it up to date and without the master key. */
export async function withStore(
  config: Config,
  work: (store: Store) => Promise<void>,
  { onlyReads = false }: Pick<Making, 'onlyReads'> = {},
): Promise<void> {
  let store: Store | undefined
  try {
    store = openStore({ ...config.database, toRead: onlyReads })
    await work(store)
  } catch (error) {
    throw namingDatabase(error, config)
  } finally {
    await store?.close()
  }
}

/** SQLite, PostgreSQL and the file system do not say which database they mean, nor what mends it. */
export function namingDatabase(error: unknown, { database }: Pick<Config, 'database'>): unknown {
  const reason = whyNotOpened(error)
  if (reason === undefined) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const remedy =
    error instanceof FolderFault ? undefined : REMEDIES.find(([faults]) => faults.test(`${code} ${reason}`))?.[1]
  const said = `the database ${shownDatabaseUrl(database.url)} cannot be opened: ${reason}`
  return impossible(remedy === undefined ? said : `${said}; ${remedy}`)
}

const REMEDIES = [
  // Tables that were to be there are not.
  [
    /^(SQLITE_(CORRUPT|NOTADB)|SQLITE_ERROR no such (table|column)|42P01|42703)/,
    'run tessera db check for details; tessera db restore FILE --replace restores a backup',
  ],
  [
    /^(SQLITE_(CANTOPEN|READONLY|PERM)|EACCES|EPERM|EROFS|ENOENT|ENOTDIR)/,
    'make file and folder writable for the user who runs this',
  ],
  [/^(SQLITE_FULL|ENOSPC|EDQUOT)/, 'free space on the disk'],
  [/^SQLITE_BUSY/, 'another process has locked it, perhaps tessera db restore; try again when that is done'],
  [
    /^(ECONN|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|EAI_AGAIN)/,
    'check that the database server runs, and host and port in the URL',
  ],
] as const
