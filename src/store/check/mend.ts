import { type Kysely, SqliteAdapter, sql } from 'kysely'
import { forbidUpdates } from '../../../db/migrations/0002-operations.ts'
import { moveStateOn, requireInService } from '../repositories/instance/move-state.ts'
import { inPortions } from '../repositories/instance/names.ts'
import type { Schema } from '../schema/schema.ts'
import { enterPlace, type Mode, type Place } from '../transfer/place.ts'
import { planOf, type Row, type Table } from '../transfer/plan.ts'
import { namesWanted, originsOf } from './check-links.ts'
import { LOCK_ROW, LONGEST_LEASE } from './check-settings.ts'
import { indexesToMake, isAppendOnly } from './check-structure.ts'
import { pagesOf } from './pages.ts'
import { modelOf, shapeOf } from './shape.ts'

/** What of a database differs from what it is to have. */
interface Differing {
  readonly users: readonly string[]
  readonly apps: readonly string[]
}

/**
 * Puts back what a database is to have besides its records, and what follows from them: indexes, the trigger of the audit log, the lock
 * row, the names and origins by which users and apps are found, and tasks that were taken for too long. All of it, or nothing.
 * Nobody is kept from writing while it looks; what differs is judged again when nobody writes.
 * @returns what was put back, in words
 * @throws OutOfService, TransferRefused
 */
export async function mendDatabase(url: string, now: number): Promise<string[]> {
  const differing = await within(url, 'look', (place) => lookFor(place, now))
  if (differing === undefined) return []
  const { users, apps } = differing
  return within(url, 'write', async (place) => {
    const level = await levelOf(place)
    return place.alone(await planOf(level), async (db) => {
      await requireInService(moveStateOn(db))
      return [
        ...(await mendIndexes(db, level)),
        ...(await mendTrigger(db)),
        ...(await mendLockRow(db)),
        ...(await mendLeases(db, now)),
        ...(await mendIdentifiers(db, users)),
        ...(await mendOrigins(db, apps)),
      ]
    })
  })
}

async function within<T>(url: string, mode: Mode, work: (place: Place) => Promise<T>): Promise<T> {
  const place = await enterPlace(url, mode)
  try {
    return await work(place)
  } finally {
    await place.close()
  }
}

const levelOf = async ({ migrations }: Place): Promise<string> => (await migrations.status()).applied.at(-1) ?? ''

/** @returns `undefined` where nothing differs */
async function lookFor(place: Place, now: number): Promise<Differing | undefined> {
  const { db } = place
  await requireInService(moveStateOn(db))
  const level = await levelOf(place)
  const plan = await planOf(level)
  const users = await usersThatDiffer(db, plan)
  const apps = await appsThatDiffer(db, plan)
  return users.length === 0 && apps.length === 0 && (await isWhole(db, level, now)) ? undefined : { users, apps }
}

/** Whether everything is there that is no record, and no task is taken for too long. */
async function isWhole(db: Kysely<Schema>, level: string, now: number): Promise<boolean> {
  const lockRow = await db.selectFrom('settings').select('name').where('name', '=', LOCK_ROW).executeTakeFirst()
  const stuck = await db
    .selectFrom('leases')
    .select('task')
    .where('until', '>', now + LONGEST_LEASE)
    .executeTakeFirst()
  return (
    lockRow !== undefined &&
    stuck === undefined &&
    isAppendOnly(await shapeOf(db)) &&
    (await lostIndexes(db, level)).length === 0
  )
}

async function lostIndexes(db: Kysely<Schema>, level: string): Promise<string[]> {
  const { shape } = await modelOf(level)
  return indexesToMake(shape, await shapeOf(db))
}

async function mendIndexes(db: Kysely<Schema>, level: string): Promise<string[]> {
  const model = await modelOf(level)
  const lost = await lostIndexes(db, level)
  for (const name of lost) {
    await sql`drop index if exists ${sql.ref(name)}`.execute(db)
    await sql.raw(model.indexes.get(name) ?? '').execute(db)
  }
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

type Identifier = Schema['user_identifiers']

const named = ({ identifier, user_id: id }: Identifier): string => `${id} ${identifier}`

/** The names by which these users are found, and those by which they are to be. */
async function namesOf(db: Kysely<Schema>, rows: readonly Row[]): Promise<{ stray: Identifier[]; lost: Identifier[] }> {
  const ids = rows.map((row) => String(row['id']))
  const found = await db.selectFrom('user_identifiers').selectAll().where('user_id', 'in', ids).execute()
  const wanted = await namesWanted(db, rows)
  const [has, wants] = [new Set(found.map(named)), new Set(wanted.map(named))]
  return {
    stray: found.filter((each) => !wants.has(named(each))),
    lost: wanted.filter((each) => !has.has(named(each))),
  }
}

async function usersThatDiffer(db: Kysely<Schema>, plan: readonly Table[]): Promise<string[]> {
  const ids = new Set<string>()
  for await (const rows of pagesOf(db, tableOf(plan, 'users'))) {
    const { stray, lost } = await namesOf(db, rows)
    for (const { user_id: id } of [...stray, ...lost]) ids.add(id)
  }
  return [...ids]
}

/** A name that somebody else has by right stays theirs. */
async function mendIdentifiers(db: Kysely<Schema>, ids: readonly string[]): Promise<string[]> {
  let [removed, added] = [0, 0n]
  const usersAmong = (some: readonly string[]) =>
    db.selectFrom('users').select(['id', 'login', 'email', 'removed_at']).where('id', 'in', some).execute()
  // Whatever leads to the wrong one goes before anything is added.
  await inPortions(ids, async (some) => {
    const { stray } = await namesOf(db, await usersAmong(some))
    for (const { identifier } of stray)
      await db.deleteFrom('user_identifiers').where('identifier', '=', identifier).execute()
    removed += stray.length
    return []
  })
  await inPortions(ids, async (some) => {
    const { lost } = await namesOf(db, await usersAmong(some))
    if (lost.length === 0) return []
    const insert = db.insertInto('user_identifiers').values(lost)
    added +=
      (await insert.onConflict((conflict) => conflict.doNothing()).executeTakeFirst()).numInsertedOrUpdatedRows ?? 0n
    return []
  })
  return removed > 0 || added > 0n ? [`names of users (${added} added, ${removed} removed)`] : []
}

/** The origins that an app has beyond its own, and those that it lacks. */
async function originsThatDiffer(db: Kysely<Schema>, row: Row): Promise<{ stray: string[]; lost: string[] }> {
  const wanted = originsOf(row)
  const app = String(row['application_uri'])
  const found = await db.selectFrom('app_origins').select('origin').where('application_uri', '=', app).execute()
  const has = found.map(({ origin }) => origin)
  return {
    stray: has.filter((origin) => !wanted.includes(origin)),
    lost: wanted.filter((origin) => !has.includes(origin)),
  }
}

async function appsThatDiffer(db: Kysely<Schema>, plan: readonly Table[]): Promise<string[]> {
  const apps: string[] = []
  for await (const rows of pagesOf(db, tableOf(plan, 'trusted_applications')))
    for (const row of rows) {
      const { stray, lost } = await originsThatDiffer(db, row)
      if (stray.length + lost.length > 0) apps.push(String(row['application_uri']))
    }
  return apps
}

async function mendOrigins(db: Kysely<Schema>, apps: readonly string[]): Promise<string[]> {
  let changed = 0
  for (const app of apps) {
    const row = await db
      .selectFrom('trusted_applications')
      .select(['application_uri', 'registration'])
      .where('application_uri', '=', app)
      .executeTakeFirst()
    if (row === undefined) continue
    const { stray, lost } = await originsThatDiffer(db, row)
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
