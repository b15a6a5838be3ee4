import { resolve } from 'node:path'
import { parseDatabaseUrl } from '../lib/net/database-url.ts'
import { openPostgres } from './engine/postgres.ts'
import { codeOf, isOutOfReach, messageOf } from './engine/postgres-pool.ts'
import { openSqlite } from './engine/sqlite.ts'
import type { Store } from './store.ts'

/** Where the database is, and how much of it one process may take. */
export interface DatabaseOptions {
  /** `file:` or `postgres:`. */
  readonly url: string
  /** The most connections that this process opens at once; a file needs none. */
  readonly connections: number
  /** Whether a file that is missing is an error; it is made otherwise. */
  readonly mustExist?: boolean
  /** Whether it is opened to be read, so that nobody who writes is waited for until something is to be written after all. */
  readonly toRead?: boolean
}

// Of SQLite, of the file system and the network, of TLS, of PostgreSQL itself.
const ACCESS =
  /^(SQLITE_\w+|E[A-Z_]+|ERR_TLS_\w+|CERT_\w+|SELF_SIGNED_\w+|DEPTH_\w+|UNABLE_TO_\w+|HOSTNAME_\w+|[0-9A-Z]{5})$/
// The driver's own words have no code; a server that wants a password and got none is one of them.
const NO_PASSWORD = /client password must be/
const REFUSED = /^(The server does not support SSL|There was an error establishing an SSL)/

/** Says why a database could not be opened, as far as an error is about that, or `undefined`; never a password. */
export function whyNotOpened(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (NO_PASSWORD.test(error.message)) return 'the database server asks for a password, but the URL has none'
  const isAbout = ACCESS.test(codeOf(error)) || isOutOfReach(error) || REFUSED.test(error.message)
  return isAbout ? messageOf(error) : undefined
}

/** Opens the database that a URL names. */
export function openStore({ url, connections, mustExist = false, toRead = false }: DatabaseOptions): Store {
  const address = parseDatabaseUrl(url)
  return address.kind === 'file'
    ? openSqlite(resolve(address.path), toRead ? 'read' : mustExist ? 'find' : 'make')
    : openPostgres(address, connections)
}
