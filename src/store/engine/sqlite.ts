import { chmodSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import { Kysely } from 'kysely'
import { makeFolder } from '../../lib/files/make-folder.ts'
import { MOVED_AWAY } from '../repositories/instance/move-state.ts'
import type { Schema } from '../schema/schema.ts'
import { type Repositories, repositoriesOn, type Store } from '../store.ts'
import { tellAfterwards } from './after-commit.ts'
import { type Ballast, createBallast } from './ballast.ts'
import { FileLost, type FileWatch, identityOf, watchFile } from './file-watch.ts'
import { createGroupCommit, type WriterTransaction } from './group-commit.ts'
import { createLine, type Gate, type Line } from './line.ts'
import { migrationsOf } from './migrations.ts'
import { immediateDialect, statementDialect } from './sqlite-dialect.ts'
import { loadSqlite, sqliteCodeOf } from './sqlite-library.ts'
import { requireSoundSqlite } from './sqlite-version.ts'
import { unavailable, unreadable } from './unavailable.ts'

// A lock is waited for outside SQLite, whose waiting would stop the event loop.
const BUSY_TIMEOUT = 25
const LONGEST_WAIT = 2000
// A unit of work makes its statements one right after the other.
const LONGEST_STANDSTILL = 5000
// Nothing is served yet while the database is opened, so there SQLite itself may wait for other processes.
const OPENING_TIMEOUT = 10_000
// Bytes that the write-ahead log keeps when it is begun anew.
const LONGEST_LOG = 16 * 1024 * 1024
// Pages; some are left free for what comes next.
const PAGES_AT_ONCE = 64
const PAGES_LEFT_FREE = 64

/** Opens a connection that writes, durably; to `make` is to make the file and its folder when they are missing. */
export function openWriter(path: string, missing: 'make' | 'find'): Database.Database {
  const Sqlite = loadSqlite()
  if (missing === 'make') makeFolder(dirname(path))
  const database = new Sqlite(path, { timeout: OPENING_TIMEOUT, fileMustExist: missing === 'find' })
  requireSoundSqlite(database)
  chmodSync(path, 0o600)
  if (database.pragma('page_count', { simple: true }) === 0) database.pragma('auto_vacuum = INCREMENTAL')
  database.pragma('journal_mode = WAL')
  database.pragma('foreign_keys = ON')
  database.pragma('trusted_schema = OFF')
  database.pragma('secure_delete = FAST')
  database.pragma(`journal_size_limit = ${LONGEST_LOG}`)
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

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const isBusy = (error: unknown): boolean => sqliteCodeOf(error).startsWith('SQLITE_BUSY')
const isOutOfReach = (error: unknown): boolean =>
  /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|NOMEM|PROTOCOL|INTERRUPT|NOLFS)/.test(
    sqliteCodeOf(error),
  ) ||
  isMovedAway(error) ||
  error instanceof FileLost
// A database that was moved away takes nothing any more.
const isMovedAway = (error: unknown): boolean =>
  sqliteCodeOf(error) === 'SQLITE_CONSTRAINT_TRIGGER' && messageOf(error) === MOVED_AWAY

const reasonOf = (error: unknown) => ({ code: sqliteCodeOf(error), message: messageOf(error), by: error })
const DISK_IS_FULL =
  'the disk is full; until there is space again, only changes that end or remove something are written'

/** A question stands for itself: after one that failed the next may well be answered. */
const READS: Gate = {
  enter: () => undefined,
  failed: (error) => (isOutOfReach(error) ? unreadable(reasonOf(error)) : error),
}

/** The way of units of work to the database, and what they have at hand there. */
interface Way {
  readonly line: Line
  readonly repositories: Repositories
}

/** @param openWay lets units in, once more after one was given up */
function createWays(openWay: () => Way) {
  let way = openWay()
  return {
    line: () => way.line,
    repositories: () => way.repositories,
    giveUp(): void {
      way.line.cut()
      way = openWay()
    },
  }
}

interface Parts {
  readonly database: Database.Database
  readonly ballast: Ballast
  readonly file: FileWatch
  readonly ways: Pick<ReturnType<typeof createWays>, 'line' | 'giveUp'>
}

function transactionOf({ database, ballast, file, ways }: Parts): WriterTransaction {
  const statement = (sql: string) => {
    const prepared = database.prepare(sql)
    return () => void prepared.run()
  }
  const [rollback, undo, keep] = [statement('rollback'), statement('rollback to unit'), statement('release unit')]
  const [begin, commit, mark] = [statement('begin immediate'), statement('commit'), statement('savepoint unit')]
  let isLeftOpen = false
  // A full disk makes SQLite roll back by itself.
  function rollBack(): void {
    isLeftOpen = database.inTransaction
    if (isLeftOpen) rollback()
    isLeftOpen = false
  }
  return {
    begin: () => {
      file.requireThere()
      if (isLeftOpen) rollBack()
      begin()
    },
    // Nothing is acknowledged that went into a file which nobody finds any more.
    commit: () => {
      commit()
      file.requireThere()
    },
    rollback: rollBack,
    mark: () => {
      mark()
      ways.line().begin()
    },
    keep: () => {
      ways.line().requireOpen()
      keep()
    },
    undo: () => {
      undo()
      keep()
    },
    steps: () => ways.line().steps(),
    giveUp: ways.giveUp,
    isBusy,
    isOutOfReach,
    toRefusal: (error) => {
      if (!isBusy(error) && !(error instanceof FileLost)) ballast.releaseIfFull()
      return unavailable(reasonOf(error))
    },
  }
}

/** Does something again for as long as another process writes, while nothing is served yet. */
async function outwaitLocks<T>(work: () => Promise<T>): Promise<T> {
  const started = performance.now()
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isBusy(error) || performance.now() - started > OPENING_TIMEOUT) throw error
      await delay(5 + 20 * Math.random())
    }
  }
}

function watchOpened(path: string, before: ReturnType<typeof identityOf>, connections: Database.Database[]): FileWatch {
  try {
    return watchFile(path, before)
  } catch (error) {
    for (const connection of connections) connection.close()
    throw error
  }
}

/**
 * Opens the embedded database: one connection that writes, one that reads.
 * @param missing whether a file that is missing is made, with its folder, or an error
 */
export function openSqlite(path: string, missing: 'make' | 'find' = 'make'): Store {
  const before = identityOf(path)
  const writerConnection = openWriter(path, missing)
  const readerConnection = new (loadSqlite())(path, { timeout: BUSY_TIMEOUT })
  readerConnection.pragma('query_only = ON')
  const file = watchOpened(path, before, [readerConnection, writerConnection])
  const reader = new Kysely<Schema>({ dialect: statementDialect(readerConnection, READS) })

  const migrations = migrationsOf(new Kysely<Schema>({ dialect: immediateDialect(writerConnection) }))
  const ballast = createBallast(dirname(path))
  // Of the unit under way: they run one after the other.
  let afterwards: (() => void)[] = []
  const ways = createWays(() => {
    const line = createLine((error) => isOutOfReach(error) || !writerConnection.inTransaction)
    const writer = new Kysely<Schema>({ dialect: statementDialect(writerConnection, line) })
    return { line, repositories: repositoriesOn(writer, (run) => afterwards.push(run)) }
  })
  const group = createGroupCommit(transactionOf({ database: writerConnection, ballast, file, ways }), {
    wait: LONGEST_WAIT,
    standstill: LONGEST_STANDSTILL,
  })
  const writeEnding: Store['write'] = async (unit) => {
    const own: (() => void)[] = []
    const result = await group.write(() => {
      afterwards = own
      return unit(ways.repositories())
    })
    tellAfterwards(own)
    return result
  }

  return {
    read: repositoriesOn(reader),
    write: async (unit) => {
      if (ballast.isReleased()) throw unavailable({ code: 'SQLITE_FULL', message: DISK_IS_FULL })
      return writeEnding(unit)
    },
    writeEnding,
    // One process writes at a time, and within it one unit after the other.
    writeAlone: writeEnding,
    keepReserve: ballast.keep,
    migrations: { ...migrations, migrate: () => outwaitLocks(() => migrations.migrate()) },
    compact: async () => {
      const free = Number(readerConnection.pragma('freelist_count', { simple: true }))
      if (free <= PAGES_LEFT_FREE) return false
      await group.write(async () => writerConnection.pragma(`incremental_vacuum(${PAGES_AT_ONCE})`))
      return free - PAGES_AT_ONCE > PAGES_LEFT_FREE
    },
    size: async () => {
      const pages = Number(readerConnection.pragma('page_count', { simple: true }))
      return pages * Number(readerConnection.pragma('page_size', { simple: true }))
    },
    whyLost: file.whyLost,
    ping: async () => {
      file.requireThere()
      readerConnection.prepare('select 1').get()
    },
    close: async () => {
      await group.finish()
      // Kysely would close only what it has asked something of.
      for (const connection of [readerConnection, writerConnection]) connection.close()
    },
  }
}
