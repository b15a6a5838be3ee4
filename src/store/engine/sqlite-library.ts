import { createRequire } from 'node:module'
import type Database from 'better-sqlite3'

// From here on the library must be 13: Node 24.19 to 24.21 abort with an older one at a garbage collection, and Node 20 crashes with 13.
const FIRST_NODE_OF_13 = 22
const REMEDY = 'run npm ci under this Node, or npm update better-sqlite3 in a project that depends on Tessera'

const majorOf = (version: string): number => Number.parseInt(version, 10)

/** Says why this Node must not load this better-sqlite3, and what mends it, or `undefined` where they belong together. */
export function whyNotTogether(node: string, library: string | undefined): string | undefined {
  const needsNewer = majorOf(node) >= FIRST_NODE_OF_13
  if (library !== undefined && majorOf(library) >= 13 === needsNewer) return undefined
  const found = library === undefined ? 'better-sqlite3 is not installed' : `better-sqlite3 ${library} is installed`
  return `${found}, and Node ${node} is safe only with ${needsNewer ? '13 or newer' : '12'}; ${REMEDY}`
}

/**
 * Loads the SQLite that belongs to this Node; nobody else imports it, and on PostgreSQL nobody needs it.
 * @throws Error with the code `SQLITE_LIBRARY`, before any of its native code runs
 */
export function loadSqlite(): typeof Database {
  const load = createRequire(import.meta.url)
  const reason = whyNotTogether(process.versions.node, installedVersion(load))
  if (reason !== undefined) throw Object.assign(new Error(reason), { code: 'SQLITE_LIBRARY' })
  return load('better-sqlite3') as typeof Database
}

function installedVersion(load: NodeJS.Require): string | undefined {
  try {
    return (load('better-sqlite3/package.json') as { version: string }).version
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

/** The code of SQLite's own errors, such as `SQLITE_BUSY`, and of nobody else's. */
export const sqliteCodeOf = (error: unknown): string =>
  error instanceof Error && error.name === 'SqliteError' && 'code' in error ? String(error.code) : ''
