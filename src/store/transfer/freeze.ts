import { type Kysely, SqliteAdapter, sql } from 'kysely'
import { MOVED_AWAY } from '../repositories/instance/move-state.ts'
import type { Schema } from '../schema/schema.ts'
import type { Table } from './plan.ts'

const isSqlite = (db: Kysely<Schema>): boolean => db.getExecutor().adapter instanceof SqliteAdapter
/** How the triggers are called that refuse every write. */
export const FREEZING = 'moved_away_'

/** From now on the database itself refuses every write, whatever program makes it. */
export async function freeze(db: Kysely<Schema>, plan: readonly Table[]): Promise<void> {
  if (isSqlite(db)) {
    for (const { name } of plan)
      for (const change of ['insert', 'update', 'delete'])
        await sql`create trigger ${sql.ref(`${FREEZING}${name}_${change}`)} before ${sql.raw(change)} on ${sql.table(name)}
          begin select raise(abort, ${sql.lit(MOVED_AWAY)}); end`.execute(db)
    return
  }
  // 25006 is what a standby says: out of reach for writing.
  await sql`create or replace function refuse_moved_away() returns trigger language plpgsql as
    ${sql.lit(`begin raise exception '${MOVED_AWAY}' using errcode = '25006'; end`)}`.execute(db)
  for (const { name } of plan)
    await sql`create or replace trigger ${sql.ref(FREEZING + name)} before insert or update or delete or truncate
      on ${sql.table(name)} for each statement execute function refuse_moved_away()`.execute(db)
}

/** Takes writes again. */
export async function thaw(db: Kysely<Schema>): Promise<void> {
  if (!isSqlite(db)) {
    await sql`drop function if exists refuse_moved_away() cascade`.execute(db)
    return
  }
  const { rows } = await sql<{ name: string }>`select name from sqlite_schema
    where type = 'trigger' and substr(name, 1, ${sql.lit(FREEZING.length)}) = ${FREEZING}`.execute(db)
  for (const { name } of rows) await sql`drop trigger ${sql.ref(name)}`.execute(db)
}
