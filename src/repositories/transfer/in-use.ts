import type Database from 'better-sqlite3'
import { loadSqlite, sqliteCodeOf } from '../sqlite-library.ts'
import { TransferRefused } from './refused.ts'

/**
 * Makes sure that no process has a database open whose file is to be put aside: what it wrote from then on would be lost.
 * A damaged one is left as it is, for whoever wants to save something of it.
 * @throws TransferRefused
 */
export function requireUnused(path: string): void {
  const Sqlite = loadSqlite()
  if (isDamaged(Sqlite, path)) return
  const database = new Sqlite(path, { fileMustExist: true, timeout: 500 })
  try {
    // SQLite leaves the WAL only when nobody else is there; this also brings everything into the one file.
    database.pragma('journal_mode = delete')
  } catch (error) {
    if (!/^SQLITE_(BUSY|LOCKED)/.test(sqliteCodeOf(error))) throw error
    throw new TransferRefused(`${path} is in use by another process; stop the server first`)
  } finally {
    database.close()
  }
}

function isDamaged(Sqlite: typeof Database, path: string): boolean {
  let database: Database.Database | undefined
  try {
    database = new Sqlite(path, { readonly: true, fileMustExist: true })
    return database.pragma('quick_check(1)', { simple: true }) !== 'ok'
  } catch {
    return true
  } finally {
    database?.close()
  }
}
