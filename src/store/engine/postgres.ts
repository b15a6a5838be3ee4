import { setTimeout as delay } from 'node:timers/promises'
import { CompiledQuery, Kysely, type KyselyPlugin, PostgresDialect, sql } from 'kysely'
import { createAtMost } from '../../lib/flow/at-most.ts'
import { StoodStill, whileMoving } from '../../lib/flow/while-moving.ts'
import type { PostgresAddress } from '../../lib/net/database-url.ts'
import { stagingOf } from '../repositories/instance/staging.ts'
import type { Schema } from '../schema/schema.ts'
import { type Repositories, repositoriesOn, type Store, type WriteStaged } from '../store.ts'
import { tellAfterwards } from './after-commit.ts'
import { migrationsOf } from './migrations.ts'
import { MissingRight } from './missing-right.ts'
import {
  codeOf,
  GIVE_UP,
  isGivenUp,
  isOfNobody,
  isOutOfReach,
  messageOf,
  openPool,
  pinned,
  unpinned,
} from './postgres-pool.ts'
import { unavailable } from './unavailable.ts'

// Milliseconds.
const LONGEST_WAIT = 2000
const SERVING = { statement: 5000, lock: LONGEST_WAIT }
// So many apps and users that one unit of work refers to can have been removed one after the other.
const MOST_REMOVALS = 4
// Longer than any statement takes; a unit of work makes them one right after the other.
const LONGEST_STANDSTILL = 10_000
const INSUFFICIENT_PRIVILEGE = '42501'
// A migration takes as long as it takes, and waits for the node that was first.
const MIGRATING = { connections: 2, statement: 0, lock: 0 }

/** Carries what broke while the commit was under way. */
class CommitFault extends Error {
  override readonly cause: unknown

  constructor(cause: unknown) {
    super('the commit failed')
    this.cause = cause
  }
}

type Unit<T> = (repositories: Repositories, connection: Kysely<Schema>) => Promise<T>

/** Counts what is asked and answered over a connection. */
function createSteps() {
  let made = 0
  const plugin: KyselyPlugin = {
    transformQuery({ node }) {
      made += 1
      return node
    },
    async transformResult({ result }) {
      made += 1
      return result
    },
  }
  return { plugin, made: (): number => made }
}

/** Reads see what is committed whenever they are made; what may happen once is decided by the row that a statement locks. */
async function transact<T>(db: Kysely<Schema>, unit: Unit<T>, before: (db: Kysely<Schema>) => Promise<unknown>) {
  return db.connection().execute(async (connection) => {
    const giveUp = () => connection.executeQuery(CompiledQuery.raw(GIVE_UP))
    await sql`begin isolation level read committed`.execute(connection)
    const afterwards: (() => void)[] = []
    const steps = createSteps()
    const counted = connection.withPlugin(steps.plugin)
    const repositories = repositoriesOn(counted, (run) => afterwards.push(run))
    let result: T
    try {
      await before(connection)
      result = await whileMoving(unit(repositories, counted), steps.made, LONGEST_STANDSTILL)
    } catch (error) {
      // A connection that cannot roll back is not handed out again, nor is one that somebody still uses.
      if (error instanceof StoodStill) await giveUp()
      else await sql`rollback`.execute(connection).catch(giveUp)
      throw error
    }
    await sql`commit`.execute(connection).catch((error: unknown) => Promise.reject(new CommitFault(error)))
    tellAfterwards(afterwards)
    return result
  })
}

/** Tries again for as long as it is sure that nothing has happened; an unknown outcome is never reported as success. */
async function insist<T>(attempt: () => Promise<T>): Promise<T> {
  const started = performance.now()
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt()
    } catch (thrown) {
      // Removed after the unit of work had looked; it then sees that it is not there.
      if (isOfNobody(thrown) && attempts < MOST_REMOVALS) continue
      const outcomeUnknown = thrown instanceof CommitFault && !isGivenUp(thrown.cause)
      const error = thrown instanceof CommitFault ? thrown.cause : thrown
      const isStill = error instanceof StoodStill
      if (!isStill && !isGivenUp(error) && !isOutOfReach(error)) throw error
      if (isStill || outcomeUnknown || performance.now() - started > LONGEST_WAIT)
        throw unavailable({ code: codeOf(error), message: messageOf(error), outcomeUnknown, by: error })
      await delay(10 + 40 * Math.random())
    }
  }
}

/** @throws MissingRight */
function sayMissingRight(error: unknown): never {
  throw codeOf(error) === INSUFFICIENT_PRIVILEGE ? new MissingRight(messageOf(error)) : error
}

/** Held to the end of the transaction: whoever looks before they write takes it first. */
const takeTurn = (db: Kysely<Schema>) =>
  db.selectFrom('settings').select('name').where('name', '=', 'writing-alone').forUpdate().execute()

/**
 * Opens a PostgreSQL database, which any number of equal nodes may share.
 * @param connections the most that this process opens at once
 */
export function openPostgres(address: PostgresAddress, connections: number): Store {
  const pool = openPool(address, { connections, ...SERVING })
  const reader = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: unpinned(pool) }) })
  const writer = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: pinned(pool) }) })

  // Each of them waits for all others in any case; here they do so without a connection that somebody else needs.
  const oneAlone = createAtMost(1)

  function writeAlone<T>(unit: Unit<T>): Promise<T> {
    const joined = performance.now()
    return oneAlone(() => {
      if (performance.now() - joined > LONGEST_WAIT)
        throw unavailable({ code: 'none', message: 'other units of this process that write alone took too long' })
      return insist(() => transact(writer, unit, takeTurn))
    })
  }

  let closed: Promise<void> | undefined

  /** Migrations have connections of their own, whose patience does not end. */
  async function migrating<T>(work: (migrations: ReturnType<typeof migrationsOf>) => Promise<T>): Promise<T> {
    const own = openPool(address, MIGRATING)
    try {
      return await work(migrationsOf(new Kysely<Schema>({ dialect: new PostgresDialect({ pool: pinned(own) }) })))
    } finally {
      await own.end()
    }
  }

  const writeStaged: WriteStaged = (records, unit) => {
    const staging = stagingOf(records, true)
    return insist(() =>
      transact(
        writer,
        (repositories, connection) => unit(repositories, (now) => staging.putIn(connection, now)),
        async (connection) => {
          await staging.lay(connection).catch(sayMissingRight)
          await takeTurn(connection)
        },
      ),
    )
  }

  return {
    read: repositoriesOn(reader),
    write: (unit) => insist(() => transact(writer, unit, async () => undefined)),
    writeEnding: (unit) => insist(() => transact(writer, unit, async () => undefined)),
    writeAlone,
    writeStaged,
    writeStagedInTurn: writeStaged,
    migrations: {
      status: () => migrating((migrations) => migrations.status()),
      migrate: () => migrating((migrations) => migrations.migrate()),
    },
    // The disk is the database server's.
    requireDiskSpace: () => undefined,
    keepReserve: () => undefined,
    // PostgreSQL does so by itself.
    compact: async () => false,
    size: async () => {
      const { rows } = await sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`.execute(
        reader,
      )
      return rows[0]?.bytes ?? 0
    },
    // A connection to a database that is gone breaks by itself.
    whyLost: () => undefined,
    ping: async () => {
      await sql`select 1`.execute(reader)
    },
    close: () => {
      closed ??= pool.end()
      return closed
    },
  }
}
