import { readFileSync } from 'node:fs'
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import pg from 'pg'
import type { PostgresAddress } from '../../lib/net/database-url.ts'
import { notText, unreadable } from './unavailable.ts'

/** How patient the connections of a pool are; milliseconds, 0 for ever. */
export interface Limits {
  readonly connections: number
  readonly statement: number
  readonly lock: number
}

const CONNECT_WITHIN = 2000
const IDLE = 30_000
const INT8 = 20

/** Every number here is below 2^53: milliseconds, epochs, counts. */
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format),
} as pg.CustomTypesConfig

/** Opens connections as they are needed, at most so many at once. */
export function openPool(address: PostgresAddress, { connections, statement, lock }: Limits): pg.Pool {
  const { host, port, user, password, database, verified, authorityFile } = address
  const ca = authorityFile === undefined ? {} : { ca: readFileSync(authorityFile, 'utf8') }
  const pool = new pg.Pool({
    host,
    port,
    database,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ssl: verified ? { rejectUnauthorized: true, ...ca } : false,
    application_name: 'tessera',
    max: connections,
    connectionTimeoutMillis: CONNECT_WITHIN,
    idleTimeoutMillis: IDLE,
    keepAlive: true,
    statement_timeout: statement,
    lock_timeout: lock,
    // A server that fell silent must not hold a request for ever.
    ...(statement > 0 ? { query_timeout: statement + 1000, idle_in_transaction_session_timeout: 2 * statement } : {}),
    types,
  })
  // A connection that breaks while nobody uses it is replaced when somebody asks next.
  pool.on('error', () => undefined)
  // Nor must one that breaks between two statements of a transaction end the process: the next statement fails.
  pool.on('connect', (client) => void client.on('error', () => undefined))
  return pool
}

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
export function messageOf(error: unknown): string {
  // A name with several addresses fails once for each of them, and says nothing itself.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

// Class 08 connection, 53 resources, 57P server going down or up, 58 its files, XX its faults, 25006 a standby, 57014 and 55P03 out of
// time.
const OUT_OF_REACH =
  /^(08...|53...|57P0[0-9]|25006|25P03|57014|55P03|58...|XX...|ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/
const OUT_OF_TIME = /^(57014|55P03)$/
// Errors of the driver itself have no code.
const DRIVER =
  /^(Connection terminated|Client has encountered a connection error|Query read timeout|timeout (exceeded|expired)|Client was closed|The client was destroyed)/i

/** Whether the database cannot be asked at present, rather than the question being wrong. */
export const isOutOfReach = (error: unknown): boolean =>
  OUT_OF_REACH.test(codeOf(error)) || (error instanceof Error && DRIVER.test(error.message))

/** Whether the connection itself is of no more use. */
export const isBroken = (error: unknown): boolean => isOutOfReach(error) && !OUT_OF_TIME.test(codeOf(error))

/** Rolled back by the database, mostly in favour of another transaction, so that trying again is sound. */
export const isGivenUp = (error: unknown): boolean => /^(40000|40001|40P01)$/.test(codeOf(error))

/** Refers to a row that is not there; the statement is made after a look, so it went away in between. */
export const isOfNobody = (error: unknown): boolean => codeOf(error) === '23503'

const rolledBack = (): Error =>
  Object.assign(new Error('the transaction was rolled back after a statement that failed'), { code: '40000' })

/** What is looked for with a NUL is nowhere; no name may hold this noncharacter, which PostgreSQL does take. */
const soundFor = (text: string, values: readonly unknown[]): unknown[] =>
  /^select\b/i.test(text)
    ? values.map((value) => (typeof value === 'string' ? value.replaceAll('\0', '\uffff') : value))
    : [...values]

const isNotText = (error: unknown): boolean => codeOf(error) === '22021'

/** Said in place of a statement: the connection is in the middle of something, and nobody is to have it again. */
export const GIVE_UP = '-- give up'

/** Hands out connections one by one, and puts back none that broke. */
export const pinned = (pool: pg.Pool): PostgresPool => ({
  connect: async () => {
    const client = await pool.connect()
    let broken = false
    async function query(text: string, values: readonly unknown[]) {
      if (text === GIVE_UP) {
        broken = true
        return { command: '', rowCount: 0, rows: [] }
      }
      const result = await client.query(text, soundFor(text, values)).catch((error: unknown) => {
        broken ||= isBroken(error)
        throw isNotText(error) ? notText() : error
      })
      // After a statement that failed a commit takes everything back, and says so without an error.
      if (text === 'commit' && result.command === 'ROLLBACK') throw rolledBack()
      return result
    }
    return { query, release: () => client.release(broken) } as unknown as PostgresPoolClient
  },
  end: async () => undefined,
})

/** For questions outside a transaction: any connection will do, and one that turns out broken is tried again on another. */
export const unpinned = (pool: pg.Pool): PostgresPool => {
  async function ask(text: string, given: readonly unknown[]) {
    const values = soundFor(text, given)
    try {
      return await pool.query(text, values).catch((error: unknown) => {
        if (!isBroken(error)) throw error
        return pool.query(text, values)
      })
    } catch (error) {
      if (!isOutOfReach(error)) throw error
      throw unreadable({ code: codeOf(error), message: messageOf(error) })
    }
  }
  const client = { query: ask, release: () => undefined } as unknown as PostgresPoolClient
  return { connect: async () => client, end: async () => undefined }
}
