import { resolve } from 'node:path'
import { openSqlite } from './sqlite.ts'
import type { Store } from './store.ts'

/**
 * Opens the database an URL names.
 * @param url `file:./data/tessera.db`
 */
export function openStore(url: string): Store {
  if (!url.startsWith('file:')) throw new Error(`cannot open ${new URL(url).protocol} databases yet`)
  return openSqlite(resolve(url.slice('file:'.length)))
}
