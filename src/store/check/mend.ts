import { type Kysely, SqliteAdapter, sql } from 'kysely'
import { forbidUpdates } from '../../../db/migrations/0002-operations.ts'
import { moveStateOn, requireInService } from '../repositories/instance/move-state.ts'
import type { Schema } from '../schema/schema.ts'
import { enterPlace } from '../transfer/place.ts'
import { planOf, type Row, type Table } from '../transfer/plan.ts'
import { identifiersOf, originsOf } from './check-links.ts'
import { LOCK_ROW, LONGEST_LEASE } from './check-settings.ts'
import { isAppendOnly, missing } from './check-structure.ts'
import { pagesOf } from './pages.ts'
import { modelOf, shapeOf } from './shape.ts'

/**
 * Puts back what a database is to have besides its records, and what follows from them: indexes, the trigger of the audit log, the lock
 * row, the names and origins by which users and apps are found, and tasks that were taken for too long. All of it, or nothing.
 * @returns what was put back, in words
 * @throws OutOfService, TransferRefused
 */
export async function mendDatabase(url: string, now: number): Promise<string[]> {
  const place = await enterPlace(url, 'write')
  try {
    const level = (await place.migrations.status()).applied.at(-1) ?? ''
    const plan = await planOf(level)
    return await place.alone(plan, async (db) => {
      await requireInService(moveStateOn(db))
      return [
        ...(await mendIndexes(db, level)),
        ...(await mendTrigger(db)),
        ...(await mendLockRow(db)),
        ...(await mendLeases(db, now)),
        ...(await mendIdentifiers(db, plan)),
        ...(await mendOrigins(db, plan)),
      ]
    })
  } finally {
    await place.close()
  }
}

async function mendIndexes(db: Kysely<Schema>, level: string): Promise<string[]> {
  const model = await modelOf(level)
  const lost = missing(model.shape.indexes, (await shapeOf(db)).indexes).filter((name) => model.indexes.has(name))
  for (const name of lost) await sql.raw(model.indexes.get(name) ?? '').execute(db)
  return lost.map((name) => `the index ${name}`)
}

async function mendTrigger(db: Kysely<Schema>): Promise<string[]> {
  if (isAppendOnly(await shapeOf(db))) return []
  const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter
  await sql`drop trigger if exists audit_events_append_only ${isSqlite ? sql`` : sql`on audit_events`}`.execute(db)
  if (!isSqlite) await sql`drop function if exists refuse_update()`.execute(db)
  await forbidUpdates(db as unknown as Kysely<unknown>)
  return ['the trigger that makes the audit log append-only']
}

async function mendLockRow(db: Kysely<Schema>): Promise<string[]> {
  const added = await db
    .insertInto('settings')
    .values({ name: LOCK_ROW, value: '' })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return added.numInsertedOrUpdatedRows === 1n ? ['the row that writers lock'] : []
}

async function mendLeases(db: Kysely<Schema>, now: number): Promise<string[]> {
  const stuck = await db
    .deleteFrom('leases')
    .where('until', '>', now + LONGEST_LEASE)
    .returning('task')
    .execute()
  return stuck.map(({ task }) => `the task ${task}`)
}

const tableOf = (plan: readonly Table[], name: keyof Schema): Table => plan.find((each) => each.name === name) as Table

const wantedOf = (rows: readonly Row[]): { identifier: string; user_id: string }[] =>
  rows.flatMap((row) => identifiersOf(row).map((identifier) => ({ identifier, user_id: String(row['id']) })))

/** A name that somebody else has by right stays theirs. */
async function mendIdentifiers(db: Kysely<Schema>, plan: readonly Table[]): Promise<string[]> {
  let [removed, added] = [0, 0n]
  for await (const rows of pagesOf(db, tableOf(plan, 'users'))) {
    const ids = rows.map((row) => String(row['id']))
    const names = new Set(wantedOf(rows).map(({ identifier, user_id: id }) => `${id} ${identifier}`))
    const found = await db.selectFrom('user_identifiers').selectAll().where('user_id', 'in', ids).execute()
    for (const { identifier, user_id: id } of found) {
      if (names.has(`${id} ${identifier}`)) continue
      await db.deleteFrom('user_identifiers').where('identifier', '=', identifier).execute()
      removed += 1
    }
  }
  for await (const rows of pagesOf(db, tableOf(plan, 'users'))) {
    const insert = db.insertInto('user_identifiers').values(wantedOf(rows))
    added +=
      (await insert.onConflict((conflict) => conflict.doNothing()).executeTakeFirst()).numInsertedOrUpdatedRows ?? 0n
  }
  return removed > 0 || added > 0n ? [`names of users (${added} added, ${removed} removed)`] : []
}

async function mendOrigins(db: Kysely<Schema>, plan: readonly Table[]): Promise<string[]> {
  let changed = 0
  for await (const rows of pagesOf(db, tableOf(plan, 'trusted_applications')))
    for (const row of rows) {
      const app = String(row['application_uri'])
      const wanted = originsOf(row)
      const found = await db.selectFrom('app_origins').select('origin').where('application_uri', '=', app).execute()
      const stray = found.map(({ origin }) => origin).filter((origin) => !wanted.includes(origin))
      const lost = wanted.filter((origin) => !found.some((each) => each.origin === origin))
      if (stray.length > 0)
        await db.deleteFrom('app_origins').where('application_uri', '=', app).where('origin', 'in', stray).execute()
      if (lost.length > 0)
        await db
          .insertInto('app_origins')
          .values(lost.map((origin) => ({ origin, application_uri: app })))
          .execute()
      changed += stray.length + lost.length
    }
  return changed > 0 ? [`origins of apps (${changed})`] : []
}
