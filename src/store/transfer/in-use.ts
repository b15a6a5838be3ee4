import { rmSync } from 'node:fs'
import type Database from 'better-sqlite3'
import { ForeignDatabase } from '../engine/migrations.ts'
import { loadSqlite, sqliteCodeOf } from '../engine/sqlite-library.ts'
import type { Aside } from '../repositories/instance/move-state.ts'
import { TransferRefused } from './refused.ts'

/** A database that nobody else can open meanwhile; the hold ends with this process, whatever ends that. */
export interface Held {
  /** Notes in it that it was put aside, so that whoever opens it later does not serve it. */
  putAside(aside: Aside): void
  /** Takes the note back. */
  takeBack(): void
  /** Hashes of the secrets that count in it at a time, by the URI of the app; `undefined` where it holds none that can be read. */
  liveSecrets(now: number): ReadonlyMap<string, ReadonlySet<string>> | undefined
  /** Lets go of it. */
  release(): void
}

/**
 * Holds a database whose file is to be put aside: what somebody wrote into it meanwhile would be lost, and what is to end would live on.
 * A damaged one is left as it is, for whoever wants to save something of it, and is not held.
 * @throws TransferRefused where a process has it open, or it is another program's
 */
export function holdDatabase(path: string): Held | undefined {
  const Sqlite = loadSqlite()
  if (isDamaged(Sqlite, path)) return undefined
  const database = new Sqlite(path, { fileMustExist: true, timeout: 500 })
  try {
    requireOwn(database, path)
    database.pragma('locking_mode = EXCLUSIVE')
    // SQLite leaves the WAL only when nobody else is there; this also brings everything into the one file.
    const journal = database.pragma('journal_mode = DELETE', { simple: true })
    if (journal !== 'delete') throw new Error(`${path} has the journal mode ${journal}`)
    database.exec('begin exclusive')
    // The look at its health left it there; without a WAL nobody needs it.
    rmSync(`${path}-shm`, { force: true })
  } catch (error) {
    database.close()
    if (!isBusy(error)) throw error
    throw new TransferRefused(`${path} is in use by another process; stop the server first`)
  }
  return {
    putAside(aside) {
      if (holdsInstance(database)) {
        database.exec('create table if not exists move_state (name text primary key, value text not null)')
        database.prepare("insert or replace into move_state values ('aside', ?)").run(JSON.stringify(aside))
      }
      // The lock stays: whoever waits for it until the new file has the name could leave a log beside that which belongs to this one.
      database.exec('commit')
      // An exclusive connection keeps its journal, which is empty by now.
      rmSync(`${path}-journal`, { force: true })
    },
    takeBack() {
      if (holdsInstance(database)) database.exec("delete from move_state where name = 'aside'")
    },
    liveSecrets(now) {
      if (!holdsInstance(database)) return undefined
      const live = 'select application_uri, hash from app_secrets where expires_at is null or expires_at > ?'
      const hashes = new Map<string, Set<string>>()
      for (const [app, hash] of database.prepare(live).raw().all(now) as [string, string][])
        hashes.set(app, (hashes.get(app) ?? new Set()).add(hash))
      return hashes
    },
    release: () => void database.close(),
  }
}

const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(sqliteCodeOf(error))

/** A path that was mistyped must not take the database of another program from it. */
function requireOwn(database: Database.Database, path: string): void {
  if (holdsInstance(database)) return
  const table = database.prepare("select name from sqlite_schema where type = 'table'").pluck().get()
  if (table !== undefined) throw new TransferRefused(`file:${path} ${new ForeignDatabase(`the table ${table}`).reason}`)
}

const holdsInstance = (database: Database.Database): boolean =>
  database.prepare("select 1 from sqlite_schema where name = 'kysely_migration'").get() !== undefined

function isDamaged(Sqlite: typeof Database, path: string): boolean {
  let database: Database.Database | undefined
  try {
    database = new Sqlite(path, { readonly: true, fileMustExist: true, timeout: 500 })
    return database.pragma('quick_check(1)', { simple: true }) !== 'ok'
  } catch (error) {
    // What a killed process left half done is no damage, and SQLite rolls it back for nobody who may only read.
    return !isBusy(error) && !sqliteCodeOf(error).startsWith('SQLITE_READONLY')
  } finally {
    database?.close()
  }
}
