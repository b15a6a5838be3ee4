import { type Kysely, SqliteAdapter, sql } from 'kysely'
import type { Schema } from './schema.ts'

/** The names of all tables in the schema that is written to; those of PostgreSQL's extensions are nobody's data. */
export async function tablesOf(db: Kysely<Schema>): Promise<string[]> {
  const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter
  const question = isSqlite
    ? sql<{ name: string }>`select name from sqlite_schema
        where type = 'table' and name not like 'sqlite\\_%' escape '\\' order by name`
    : sql<{ name: string }>`select relname::text as name from pg_class
        where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
          and not exists (select 1 from pg_depend where objid = pg_class.oid and deptype = 'e') order by 1`
  return (await question.execute(db)).rows.map(({ name }) => name)
}
