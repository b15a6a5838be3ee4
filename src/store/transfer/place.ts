import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type Database from 'better-sqlite3'
import { Kysely, PostgresDialect, SqliteDialect, sql } from 'kysely'
import { fileUrlOf, parseDatabaseUrl, shownDatabaseUrl } from '../../lib/net/database-url.ts'
import { requireLocalDisk } from '../engine/local-disk.ts'
import { ForeignDatabase, migrationsOf, NewerSchema } from '../engine/migrations.ts'
import { messageOf, openPool, pinned } from '../engine/postgres-pool.ts'
import { immediateDialect } from '../engine/sqlite-dialect.ts'
import { loadSqlite } from '../engine/sqlite-library.ts'
import { requireSoundSqlite } from '../engine/sqlite-version.ts'
import { openWriter } from '../engine/sqlite-writer.ts'
import type { Schema } from '../schema/schema.ts'
import type { Table } from './plan.ts'
import { TransferRefused } from './refused.ts'

// Milliseconds that a move waits for whoever holds what it needs.
const PATIENCE = 10_000

type Work<T> = (db: Kysely<Schema>) => Promise<T>

/** A database as a whole, to be copied from or to. */
export interface Place {
  /** Its URL, without password. */
  readonly shown: string
  readonly db: Kysely<Schema>
  readonly migrations: ReturnType<typeof migrationsOf>
  /** One unit of work. */
  transact<T>(work: Work<T>): Promise<T>
  /** Many reads that all see the same moment; nobody is kept from writing. */
  snapshot<T>(work: Work<T>): Promise<T>
  /** A unit of work during which nobody else writes any of the tables. */
  alone<T>(tables: readonly Pick<Table, 'name'>[], work: Work<T>): Promise<T>
  close(): Promise<void>
}

/**
 * How a database is opened: a file may be made, must be there, or is only read. To look is to read as well, where a process may have been
 * killed before: SQLite then rolls back first, which it does not for those who may only read.
 */
export type Mode = 'make' | 'write' | 'look' | 'read'

/** Whether a URL names a file that is not there. */
export function isMissing(url: string): boolean {
  const address = parseDatabaseUrl(url)
  return address.kind === 'file' && !existsSync(address.path)
}

/** A URL that is the same wherever a command is run, without password. */
export function shownPlace(url: string): string {
  const address = parseDatabaseUrl(url)
  return address.kind === 'file' ? fileUrlOf(resolve(address.path)) : shownDatabaseUrl(url)
}

/**
 * Opens what a URL names, and makes sure that it answers.
 * @throws TransferRefused naming it; NotLocal where a file is to be made on a network file system
 */
export async function enterPlace(url: string, mode: Mode): Promise<Place> {
  const address = parseDatabaseUrl(url)
  if (mode === 'make' && address.kind === 'file') requireLocalDisk(resolve(address.path))
  let place: Place | undefined
  try {
    place = openPlace(url, mode)
    // A schema is read, so that a file that is no database is noticed as well.
    await place.migrations.status()
    return place
  } catch (error) {
    await place?.close()
    if (error instanceof NewerSchema) throw error
    if (error instanceof ForeignDatabase) throw new TransferRefused(`${shownPlace(url)} ${error.reason}`)
    throw new TransferRefused(`${shownPlace(url)} cannot be opened: ${messageOf(error)}`)
  }
}

/** Opens what a URL names. */
export function openPlace(url: string, mode: Mode): Place {
  const address = parseDatabaseUrl(url)
  if (address.kind === 'file') return openFile(resolve(address.path), shownPlace(url), mode)
  const pool = openPool(address, { connections: 3, statement: 0, lock: PATIENCE })
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: pinned(pool) }) })
  return {
    ...placeOn(db, shownPlace(url), 'begin'),
    snapshot: (work) => within(db, 'begin isolation level repeatable read read only', work),
    alone: (tables, work) =>
      within(db, 'begin', async (connection) => {
        const names = sql.join(tables.map(({ name }) => sql.table(name)))
        await sql`lock table ${names} in share row exclusive mode`.execute(connection)
        return work(connection)
      }),
    close: () => pool.end(),
  }
}

function openFile(path: string, shown: string, mode: Mode): Place {
  const database = openConnection(path, mode)
  // Nobody is served by this process, so SQLite itself may wait.
  database.pragma(`busy_timeout = ${PATIENCE}`)
  const dialect = mode === 'read' || mode === 'look' ? new SqliteDialect({ database }) : immediateDialect(database)
  const db = new Kysely<Schema>({ dialect })
  return {
    ...placeOn(db, shown, 'begin immediate'),
    snapshot: (work) => within(db, 'begin', work),
    alone: (_tables, work) => within(db, 'begin immediate', work),
    close: () => db.destroy(),
  }
}

function openConnection(path: string, mode: Mode): Database.Database {
  const Sqlite = loadSqlite()
  if (mode === 'read') return new Sqlite(path, { readonly: true, fileMustExist: true })
  if (mode !== 'look') return openWriter(path, mode === 'make' ? 'make' : 'find')
  const database = new Sqlite(path, { fileMustExist: true })
  requireSoundSqlite(database)
  database.pragma('query_only = ON')
  return database
}

const placeOn = (db: Kysely<Schema>, shown: string, begin: string) => ({
  shown,
  db,
  migrations: migrationsOf(db),
  transact: <T>(work: Work<T>) => within(db, begin, work),
})

async function within<T>(db: Kysely<Schema>, begin: string, work: Work<T>): Promise<T> {
  return db.connection().execute(async (connection) => {
    await sql.raw(begin).execute(connection)
    try {
      const result = await work(connection)
      await sql`commit`.execute(connection)
      return result
    } catch (error) {
      await sql`rollback`.execute(connection).catch(() => undefined)
      throw error
    }
  })
}
