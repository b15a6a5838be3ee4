import type Database from 'better-sqlite3'
import { loadSqlite } from '../engine/sqlite-library.ts'
import { demandFullSync, openIdleWriter } from '../engine/sqlite-writer.ts'
import { type Check, failed, messageOf, passed } from './check.ts'

const RESTORE = 'restore a backup with tessera db restore FILE --replace'

/** Reads the whole file, and tries to write only where nothing is wrong with it. */
export function checkSqlite(path: string): Check[] {
  const Sqlite = loadSqlite()
  let database: Database.Database
  try {
    database = new Sqlite(path, { readonly: true, fileMustExist: true, timeout: 500 })
  } catch (error) {
    return [failed('opens', messageOf(error), 'check its permissions and its file system')]
  }
  try {
    const missing = whyNoInstance(database)
    if (missing) return [missing]
    const content = [checkIntegrity(database), checkReferences(database)]
    if (content.some((check) => !check.passed)) return content
    return [...content, checkJournal(database), checkVacuum(database), checkSync(path)]
  } catch (error) {
    return [failed('integrity', messageOf(error), RESTORE)]
  } finally {
    database.close()
  }
}

function whyNoInstance(database: Database.Database): Check | undefined {
  const tables = database.prepare("select name from sqlite_schema where type = 'table'").pluck().all() as string[]
  if (tables.includes('kysely_migration')) return undefined
  const elsewhere = 'set TESSERA_DATABASE_URL to another one'
  const [foreign] = tables
  return foreign === undefined
    ? failed(
        'instance',
        'the file does not hold a Tessera instance',
        `${elsewhere}, or create an instance in it with tessera db migrate`,
      )
    : failed('instance', `the file holds the table ${foreign} of another program and no Tessera instance`, elsewhere)
}

function checkIntegrity(database: Database.Database): Check {
  const faults = database.prepare('pragma integrity_check').pluck().all() as string[]
  const text = faults.join('\n').split('\n')
  if (text.length === 1 && text[0] === 'ok') return passed('integrity', 'every page and index is sound')
  const more = text.length > 1 ? ` and ${text.length - 1} more` : ''
  return failed('integrity', `${text[0]}${more}`, RESTORE)
}

function checkReferences(database: Database.Database): Check {
  const [orphan, ...more] = database.pragma('foreign_key_check') as { table: string; parent: string }[]
  if (!orphan) return passed('references', 'every reference between rows is intact')
  return failed(
    'references',
    more.length === 0
      ? `1 row, in ${orphan.table}, refers to a row that does not exist`
      : `${more.length + 1} rows, in ${orphan.table} and elsewhere, refer to rows that do not exist`,
    RESTORE,
  )
}

/** A file that no server has opened since its backup was restored is not in WAL mode yet. */
function checkJournal(database: Database.Database): Check {
  const mode = String(database.pragma('journal_mode', { simple: true }))
  if (mode === 'wal') return passed('journal mode', mode)
  if (mode === 'delete') return passed('journal mode', 'delete; the server switches it to wal when it starts')
  return failed('journal mode', mode, 'the server switches it to wal when it starts')
}

function checkVacuum(database: Database.Database): Check {
  const mode = database.pragma('auto_vacuum', { simple: true })
  return mode === 2
    ? passed('auto vacuum', 'incremental')
    : failed(
        'auto vacuum',
        `${mode} instead of 2 (incremental)`,
        'tessera db move --to file:NEW.db creates a database with it',
      )
}

/** A connection like the server's, which looks whether writes are durable and leaves none. */
function checkSync(path: string): Check {
  let writer: Database.Database | undefined
  try {
    writer = openIdleWriter(path)
    demandFullSync(writer)
    const level = writer.pragma('synchronous', { simple: true })
    return level === 2
      ? passed('durability', 'synchronous is FULL after a write')
      : failed('durability', `synchronous is ${level}`, 'please report this')
  } catch (error) {
    return failed('durability', `cannot be written: ${messageOf(error)}`, 'check its permissions and its file system')
  } finally {
    writer?.close()
  }
}
