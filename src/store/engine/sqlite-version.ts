import type Database from 'better-sqlite3'

// Older ones can lose what was committed when two connections meet in a checkpoint of the write-ahead log.
const OLDEST = '3.51.3'

/** As SQLite itself writes it: 3051003. @see https://www.sqlite.org/c3ref/libversion.html */
const numberOf = (version: string): number => version.split('.').reduce((sum, part) => 1000 * sum + Number(part), 0)

/** Refuses to work with a SQLite that is known to lose data. @throws Error with the code `SQLITE_TOO_OLD` */
export function requireSoundSqlite(database: Database.Database): void {
  const version = String(database.prepare('select sqlite_version()').pluck().get())
  if (numberOf(version) >= numberOf(OLDEST)) return
  const message = `SQLite ${version} is in use, and versions before ${OLDEST} can lose data; run npm ci to install the right one`
  throw Object.assign(new Error(message), { code: 'SQLITE_TOO_OLD' })
}
