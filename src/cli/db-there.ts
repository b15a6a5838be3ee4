import { existsSync } from 'node:fs'
import type { Config } from '../config.ts'
import { parseDatabaseUrl } from '../lib/database-url.ts'
import { impossible } from './problem.ts'

/** Asking for the state must not make an empty database. */
export function requireDatabase({ database: { url } }: Pick<Config, 'database'>): void {
  const address = parseDatabaseUrl(url)
  if (address.kind === 'postgres' || existsSync(address.path)) return
  throw impossible(`there is no database ${url} yet; tessera db migrate makes it, and so does every other command`)
}
