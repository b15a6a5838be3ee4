import { resolve } from 'node:path'
import { parseDatabaseUrl } from '../lib/database-url.ts'
import { openPostgres } from './postgres.ts'
import { openSqlite } from './sqlite.ts'
import type { Store } from './store.ts'

/** Where the database is, and how much of it one process may take. */
export interface DatabaseSettings {
  /** `file:` or `postgres:`. */
  readonly url: string
  /** The most connections that this process opens at once; a file needs none. */
  readonly connections: number
}

/** Opens the database that an URL names. */
export function openStore({ url, connections }: DatabaseSettings): Store {
  const address = parseDatabaseUrl(url)
  return address.kind === 'file' ? openSqlite(resolve(address.path)) : openPostgres(address, connections)
}
