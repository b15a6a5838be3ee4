import { chmodSync } from 'node:fs'
import { dirname } from 'node:path'
import type Database from 'better-sqlite3'
import { makeFolder } from '../../lib/files/make-folder.ts'
import { loadSqlite } from './sqlite-library.ts'
import { requireSoundSqlite } from './sqlite-version.ts'

// A lock is waited for outside SQLite, whose waiting would stop the event loop.
export const BUSY_TIMEOUT = 25
// Nothing is served yet while the database is opened, so there SQLite itself may wait for other processes.
export const OPENING_TIMEOUT = 10_000
// Bytes that the write-ahead log keeps when it is begun anew.
const LONGEST_LOG = 16 * 1024 * 1024

/** Opens a connection that writes, durably; to `make` is to make the file and its folder when they are missing. */
export function openWriter(path: string, missing: 'make' | 'find'): Database.Database {
  if (missing === 'make') makeFolder(dirname(path))
  const database = connect(path, missing)
  chmodSync(path, 0o600)
  if (database.pragma('page_count', { simple: true }) === 0) database.pragma('auto_vacuum = INCREMENTAL')
  database.pragma('journal_mode = WAL')
  demandFullSync(database)
  database.pragma(`busy_timeout = ${BUSY_TIMEOUT}`)
  return database
}

/**
 * Opens one that perhaps only reads: it waits for nobody who writes, leaves the file and its mode as they are, and is to be made
 * durable before it writes.
 */
export function openIdleWriter(path: string): Database.Database {
  const database = connect(path, 'find')
  database.pragma(`busy_timeout = ${BUSY_TIMEOUT}`)
  return database
}

function connect(path: string, missing: 'make' | 'find'): Database.Database {
  const Sqlite = loadSqlite()
  const database = new Sqlite(path, { timeout: OPENING_TIMEOUT, fileMustExist: missing === 'find' })
  requireSoundSqlite(database)
  database.pragma('foreign_keys = ON')
  database.pragma('trusted_schema = OFF')
  database.pragma('secure_delete = FAST')
  database.pragma(`journal_size_limit = ${LONGEST_LOG}`)
  return database
}

/**
 * In WAL mode the driver falls back to NORMAL with the first write, which a power cut punishes; FULL is set and checked after one,
 * which is taken back.
 */
export function demandFullSync(database: Database.Database): void {
  database.pragma('synchronous = FULL')
  database.exec('begin immediate')
  database.pragma(`user_version = ${Number(database.pragma('user_version', { simple: true }))}`)
  database.exec('rollback')
  if (database.pragma('synchronous', { simple: true }) !== 2) database.pragma('synchronous = FULL')
  if (database.pragma('synchronous', { simple: true }) !== 2) throw new Error('SQLite does not keep synchronous = FULL')
}
