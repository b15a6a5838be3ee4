import type Database from 'better-sqlite3'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  SqliteAdapter,
  SqliteDialect,
  SqliteDriver,
} from 'kysely'
import { LRUCache } from 'lru-cache'
import type { Gate } from './line.ts'

// Statements; a server has some three hundred.
const MOST_PREPARED = 500
// Characters; lists make statements of any length, and few of those come twice.
const LONGEST_PREPARED = 1500

/** Kysely's own driver says `begin`, which fails half-way when somebody else writes; a migration says so at once. */
export function immediateDialect(database: Database.Database): Dialect {
  const dialect = new SqliteDialect({ database })
  return {
    createDriver: () => {
      const driver = new SqliteDriver({ database })
      return Object.assign(driver, {
        beginTransaction: async (connection: Parameters<typeof driver.beginTransaction>[0]) => {
          await connection.executeQuery(CompiledQuery.raw('begin immediate'))
        },
        // A full disk makes SQLite roll back by itself, and the error to tell is that of the disk.
        rollbackTransaction: async (connection: Parameters<typeof driver.rollbackTransaction>[0]) => {
          if (database.inTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'))
        },
      })
    },
    // SQLite's DDL is transactional; saying so lets a migration happen whole or not at all.
    createAdapter: () => Object.defineProperty(new SqliteAdapter(), 'supportsTransactionalDdl', { value: true }),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
  }
}

/**
 * For a connection on which each statement stands for itself: it is done by the time it was asked for, so that none waits for
 * another, as with Kysely's own driver, which wakes everybody who waits after each of them.
 * @param gate that each statement passes
 */
export function statementDialect(database: Database.Database, gate: Gate): Dialect {
  const dialect = new SqliteDialect({ database })
  return {
    createDriver: () => createDriver(database, gate),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
  }
}

function createDriver(database: Database.Database, gate: Gate): Driver {
  const connection = connectionOn(database, gate)
  const noTransactions = async (): Promise<never> => {
    throw new Error('units of work begin and end outside Kysely')
  }
  return {
    init: async () => undefined,
    acquireConnection: async () => connection,
    releaseConnection: async () => undefined,
    beginTransaction: noTransactions,
    commitTransaction: noTransactions,
    rollbackTransaction: noTransactions,
    destroy: async () => void database.close(),
  }
}

function connectionOn(database: Database.Database, gate: Gate): DatabaseConnection {
  const prepared = new LRUCache<string, Database.Statement>({ max: MOST_PREPARED })
  function prepare(sql: string): Database.Statement {
    const known = prepared.get(sql)
    if (known) return known
    const statement = database.prepare(sql)
    if (sql.length <= LONGEST_PREPARED) prepared.set(sql, statement)
    return statement
  }
  function execute<R>({ sql, parameters }: CompiledQuery) {
    const statement = prepare(sql)
    if (statement.reader) return { rows: statement.all(parameters) as R[] }
    const { changes } = statement.run(parameters)
    return { numAffectedRows: BigInt(changes), rows: [] }
  }
  return {
    async executeQuery<R>(query: CompiledQuery) {
      gate.enter()
      try {
        return execute<R>(query)
      } catch (error) {
        throw gate.failed(error)
      }
    },
    streamQuery: () => {
      throw new Error('lists are read in pages')
    },
  }
}
