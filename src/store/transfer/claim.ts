import { type Kysely, sql } from 'kysely'
import { type Arrival, moveStateOn } from '../repositories/instance/move-state.ts'
import type { Schema } from '../schema/schema.ts'
import { tablesOf } from '../schema/tables.ts'
import type { Place } from './place.ts'
import { ownTables, type Row, type Table } from './plan.ts'
import type { Target } from './reconcile.ts'
import { TransferRefused } from './refused.ts'
import { keyOf, rowsOn } from './rows.ts'

/**
 * Says why a database cannot be filled, or `undefined` for one that is empty or that an interrupted run of the same kind left.
 * It looks, and changes nothing.
 */
export async function whyNotFillable(
  { db, shown }: Place,
  plan: readonly Table[],
  { kind, from }: Omit<Arrival, 'run'>,
): Promise<string | undefined> {
  const present = await tablesOf(db)
  const foreign = present.find((name) => !ownTables(plan).includes(name))
  if (foreign !== undefined)
    return `${shown} holds the table ${foreign}, which does not belong to Tessera; give Tessera a database of its own`
  const arrival = present.includes('move_state') ? await moveStateOn(db).get('arrival') : undefined
  if (arrival?.kind === kind && arrival.from === from) return undefined
  if (arrival)
    return `${shown} is the target of an unfinished ${arrival.kind} from ${arrival.from}; choose an empty database`
  const rows = rowsOn(db)
  for (const table of plan.filter(({ name }) => present.includes(name)))
    if ((await rows.count(table)) > table.given.length || (await holdsMore(db, table)))
      return `${shown} is not empty: the table ${table.name} holds rows. Choose an empty database; nothing is ever overwritten`
  return undefined
}

/** Whether there is anything but what the migrations put in; of a table with other columns the count has to do. */
async function holdsMore(db: Kysely<Schema>, table: Table): Promise<boolean> {
  const given = new Set(table.given.map((row) => JSON.stringify(keyOf(table, row))))
  const keys = sql.join(table.key.map((name) => sql.ref(name)))
  const { rows } = await sql<Row>`select ${keys} from ${sql.table(table.name)} limit 100`.execute(db)
  return rows.some((row) => !given.has(JSON.stringify(keyOf(table, row))))
}

/**
 * Takes possession of a database: nobody serves from it, and no other run fills it, until the mark is removed.
 * @throws TransferRefused
 */
export async function claim(place: Place, plan: readonly Table[], arrival: Arrival): Promise<Target> {
  const before = await whyNotFillable(place, plan, arrival)
  if (before !== undefined) throw new TransferRefused(before)
  await place.migrations.migrate()
  await place.transact(async (db) => {
    const found = await whyNotFillable({ ...place, db }, plan, arrival)
    if (found !== undefined) throw new TransferRefused(found)
    const state = moveStateOn(db)
    if ((await state.get('arrival')) === undefined)
      for (const table of plan)
        await rowsOn(db).remove(
          table,
          table.given.map((row) => keyOf(table, row)),
        )
    await state.set('arrival', arrival)
  })
  return {
    rows: rowsOn(place.db),
    transact: (unit) =>
      place.transact(async (db) => {
        await requireOurs(db, arrival)
        await unit(rowsOn(db))
      }),
  }
}

/** Sees to it that no other run took over; locks the mark until the transaction ends. */
export async function requireOurs(db: Kysely<Schema>, { run }: Arrival): Promise<void> {
  await db.updateTable('move_state').set({ name: 'arrival' }).where('name', '=', 'arrival').execute()
  if ((await moveStateOn(db).get('arrival'))?.run !== run)
    throw new TransferRefused('another run of this command has taken over; this one has stopped')
}
