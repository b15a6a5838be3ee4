import type { Command } from 'commander'
import { withSuggestion } from '../administration/suggest.ts'
import { type Config, readConfig } from '../config.ts'
import { type Core, openCore } from '../core.ts'
import type { AheadOfRecord } from '../judge-clock.ts'
import { systemClock } from '../lib/clock.ts'
import { shownDatabaseUrl } from '../lib/database-url.ts'
import { FolderFault } from '../lib/make-folder.ts'
import { systemTime } from '../lib/timekeeper.ts'
import { openStore, whyNotOpened } from '../repositories/open-store.ts'
import type { Store } from '../repositories/store.ts'
import { commandLine } from './actor.ts'
import { globalsOf } from './globals.ts'
import { impossible } from './problem.ts'

/** The configuration that a command runs with: its environment over the file of `--config`. */
export const configOf = (command: Command): Config => readConfig(process.env, globalsOf(command).config)

/** Opens the instance to serve it; its database is brought up to date first. */
export const openToServe = (command: Command, config: Config): Promise<Core> => openInstance(command, config, 'refuse')

function openInstance(command: Command, config: Config, otherwise: AheadOfRecord): Promise<Core> {
  const whenAhead = globalsOf(command).acceptClock ? { acceptedBy: commandLine(systemClock()).actor } : otherwise
  return openCore(config, systemTime, whenAhead).catch((error: unknown) =>
    Promise.reject(namingDatabase(error, config)),
  )
}

/** Opens the instance for the time of one piece of work; by a clock that may be wrong it is read alone. */
export async function withCore(command: Command, work: (core: Core, config: Config) => Promise<void>): Promise<void> {
  const config = configOf(command)
  const core = await openInstance(command, config, 'read only')
  try {
    await work(core, config)
  } catch (error) {
    throw await withSuggestion(error, core.store.read)
  } finally {
    await core.close()
  }
}

/** Opens the database as it is, without bringing it up to date and without the master key. */
export async function withStore(config: Config, work: (store: Store) => Promise<void>): Promise<void> {
  let store: Store | undefined
  try {
    store = openStore(config.database)
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
  const remedy = error instanceof FolderFault ? undefined : REMEDIES.find(([codes]) => codes.test(code))?.[1]
  const said = `the database ${shownDatabaseUrl(database.url)} cannot be opened: ${reason}`
  return impossible(remedy === undefined ? said : `${said}; ${remedy}`)
}

const REMEDIES = [
  [
    /^SQLITE_(CORRUPT|NOTADB)/,
    'tessera db check tells more, and tessera db restore FILE --replace puts a backup in its place',
  ],
  [
    /^(SQLITE_(CANTOPEN|READONLY|PERM)|EACCES|EPERM|EROFS|ENOENT|ENOTDIR)/,
    'file and folder must be writable for the user that runs this',
  ],
  [/^(SQLITE_FULL|ENOSPC|EDQUOT)/, 'make room on the disk'],
  [/^SQLITE_BUSY/, 'another process holds it for long; try again when it is done'],
  [/^(ECONN|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|EAI_AGAIN)/, 'see that the server runs, and to host and port in the URL'],
] as const
