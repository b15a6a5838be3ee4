import { chmodSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { CompiledQuery, type Dialect, Kysely, SqliteAdapter, SqliteDialect, SqliteDriver } from 'kysely'
import { OAuthError } from '../domain/errors.ts'
import { makeFolder } from '../lib/make-folder.ts'
import { migrationsOf } from './migrations.ts'
import type { Schema } from './schema.ts'
import { repositoriesOn, type Store } from './store.ts'

// A lock is waited for here, not inside SQLite, whose waiting would stop the event loop.
const BUSY_TIMEOUT = 25
const LONGEST_WAIT = 2000
// Nothing is served yet while the database is opened, so there SQLite itself may wait for other processes.
const OPENING_TIMEOUT = 10_000

/** Kysely's own driver says `begin`, which fails half-way when somebody else writes; a writer says so at once. */
function immediateDialect(database: Database.Database): Dialect {
  const dialect = new SqliteDialect({ database })
  return {
    createDriver: () => {
      const driver = new SqliteDriver({ database })
      return Object.assign(driver, {
        beginTransaction: async (connection: Parameters<typeof driver.beginTransaction>[0]) => {
          await connection.executeQuery(CompiledQuery.raw('begin immediate'))
        },
      })
    },
    // SQLite's DDL is transactional; saying so lets a migration happen whole or not at all.
    createAdapter: () => Object.defineProperty(new SqliteAdapter(), 'supportsTransactionalDdl', { value: true }),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
  }
}

function openWriter(path: string): Database.Database {
  makeFolder(dirname(path))
  const database = new Database(path, { timeout: OPENING_TIMEOUT })
  chmodSync(path, 0o600)
  if (database.pragma('page_count', { simple: true }) === 0) database.pragma('auto_vacuum = INCREMENTAL')
  database.pragma('journal_mode = WAL')
  database.pragma('foreign_keys = ON')
  database.pragma('trusted_schema = OFF')
  database.pragma('secure_delete = FAST')
  demandFullSync(database)
  database.pragma(`busy_timeout = ${BUSY_TIMEOUT}`)
  return database
}

/** In WAL mode the driver falls back to NORMAL with the first write, which a power cut punishes; FULL is set and checked after one. */
function demandFullSync(database: Database.Database): void {
  database.pragma('synchronous = FULL')
  database.pragma(`user_version = ${Number(database.pragma('user_version', { simple: true }))}`)
  if (database.pragma('synchronous', { simple: true }) !== 2) database.pragma('synchronous = FULL')
  if (database.pragma('synchronous', { simple: true }) !== 2) throw new Error('SQLite does not keep synchronous = FULL')
}

const codeOf = (error: unknown): string => (error instanceof Database.SqliteError ? error.code : '')
const isBusy = (error: unknown): boolean => codeOf(error).startsWith('SQLITE_BUSY')
const isOutOfReach = (error: unknown): boolean =>
  /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN)/.test(codeOf(error))

/** Tells the client to try again; the operator learns what SQLite said. */
const unavailable = (error: unknown): OAuthError =>
  new OAuthError('temporarily_unavailable', 'the database cannot be written right now; try again shortly', {
    rule: 'server-busy',
    cause: 'the database could not take the write in time',
    sqlite: codeOf(error),
    message: error instanceof Error ? error.message : String(error),
  })

/** Does something again for as long as other processes write; waits without stopping the event loop. */
async function outwaitLocks<T>(longest: number, work: () => Promise<T>): Promise<T> {
  const started = performance.now()
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isOutOfReach(error)) throw error
      if (!isBusy(error)) throw unavailable(error)
      // Before giving up as well: the next in line asks at once.
      await delay(5 + 20 * Math.random())
      if (performance.now() - started > longest) throw unavailable(error)
    }
  }
}

/** Only the first in line asks for the lock; if all did at once, their asking would stop the event loop. */
function createLine(longest: number) {
  let last: Promise<unknown> = Promise.resolve()
  return <T>(work: () => Promise<T>): Promise<T> => {
    const joined = performance.now()
    const turn = last.then(() => {
      const left = longest - (performance.now() - joined)
      if (left <= 0) throw unavailable(new Error('others waited to write for too long'))
      return outwaitLocks(left, work)
    })
    last = turn.catch(() => undefined)
    return turn
  }
}

/**
 * Opens the embedded database: one connection that writes, one that reads.
 * @param path of the database file; its folder is made when missing
 */
export function openSqlite(path: string): Store {
  const writerConnection = openWriter(path)
  const readerConnection = new Database(path, { timeout: BUSY_TIMEOUT })
  readerConnection.pragma('query_only = ON')
  const writer = new Kysely<Schema>({ dialect: immediateDialect(writerConnection) })
  const reader = new Kysely<Schema>({ dialect: new SqliteDialect({ database: readerConnection }) })

  const migrations = migrationsOf(writer)
  const inLine = createLine(LONGEST_WAIT)

  return {
    read: repositoriesOn(reader),
    write: (unit) => inLine(() => writer.transaction().execute((transaction) => unit(repositoriesOn(transaction)))),
    migrations: { ...migrations, migrate: () => outwaitLocks(OPENING_TIMEOUT, () => migrations.migrate()) },
    ping: async () => {
      readerConnection.prepare('select 1').get()
    },
    close: async () => {
      await reader.destroy()
      await writer.destroy()
    },
  }
}
