import type Database from 'better-sqlite3'
import { Kysely } from 'kysely'
import { MOVED_AWAY } from '../repositories/instance/move-state.ts'
import type { Schema } from '../schema/schema.ts'
import { type Repositories, repositoriesOn } from '../store.ts'
import { tellAfterwards } from './after-commit.ts'
import type { Ballast } from './ballast.ts'
import { FileLost, type FileWatch } from './file-watch.ts'
import { createGroupCommit, type WriterTransaction } from './group-commit.ts'
import { createLine, type Gate, type Line } from './line.ts'
import { statementDialect } from './sqlite-dialect.ts'
import { sqliteCodeOf } from './sqlite-library.ts'
import { unavailable, unreadable } from './unavailable.ts'

const LONGEST_WAIT = 2000
// A unit of work makes its statements one right after the other.
const LONGEST_STANDSTILL = 5000

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
export const isBusy = (error: unknown): boolean => sqliteCodeOf(error).startsWith('SQLITE_BUSY')
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
/** A question stands for itself: after one that failed the next may well be answered. */
export const READS: Gate = {
  enter: () => undefined,
  failed: (error) => (isOutOfReach(error) ? unreadable(reasonOf(error)) : error),
}

/** The way of units of work to the database, and what they have at hand there. */
interface Way {
  readonly line: Line
  readonly db: Kysely<Schema>
  readonly repositories: Repositories
}

/** @param openWay lets units in, once more after one was given up */
function createWays(openWay: () => Way) {
  let way = openWay()
  return {
    line: () => way.line,
    now: () => way,
    giveUp(): void {
      way.line.cut()
      way = openWay()
    },
  }
}

export interface Parts {
  readonly database: Database.Database
  readonly ballast: Ballast
  readonly file: FileWatch
  /** Makes the connection durable, where it is not yet. */
  readonly beDurable: () => void
  readonly ways: Pick<ReturnType<typeof createWays>, 'line' | 'giveUp'>
}

function transactionOf({ database, ballast, file, beDurable, ways }: Parts): WriterTransaction {
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
      beDurable()
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

/** Lets units of work in on a connection that writes. */
export function writingOn({ database, ...parts }: Omit<Parts, 'ways'>) {
  // Of the unit under way: they run one after the other.
  let afterwards: (() => void)[] = []
  const ways = createWays(() => {
    const line = createLine((error) => isOutOfReach(error) || !database.inTransaction)
    const db = new Kysely<Schema>({ dialect: statementDialect(database, line) })
    return { line, db, repositories: repositoriesOn(db, (run) => afterwards.push(run)) }
  })
  const group = createGroupCommit(transactionOf({ database, ...parts, ways }), {
    wait: LONGEST_WAIT,
    standstill: LONGEST_STANDSTILL,
  })
  return {
    group,
    async write<T>(unit: (repositories: Repositories, db: Kysely<Schema>) => Promise<T>): Promise<T> {
      const own: (() => void)[] = []
      const result = await group.write(() => {
        afterwards = own
        const { repositories, db } = ways.now()
        return unit(repositories, db)
      })
      tellAfterwards(own)
      return result
    },
  }
}
