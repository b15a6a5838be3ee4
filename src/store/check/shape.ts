import { type Kysely, SqliteAdapter, sql } from 'kysely'
import type { Schema } from '../schema/schema.ts'
import { tablesOf } from '../schema/tables.ts'
import { withModel } from '../transfer/plan.ts'

/** What tables are made of, in words that are the same for both databases. */
export interface Shape {
  /** `table.column` */
  readonly columns: ReadonlySet<string>
  /** `table.column` for each that must not be null. */
  readonly required: ReadonlySet<string>
  /** `table (column, column)` by the name of each index, the columns in order, and whether it is unique or of a part of the table. */
  readonly indexes: ReadonlyMap<string, string>
  /** `table (column, column)` for each primary key and each unique constraint; the columns in alphabetical order. */
  readonly uniques: ReadonlySet<string>
  /** `table.column -> table.column` */
  readonly references: ReadonlySet<string>
  /** What triggers do, by `table.trigger`; one that is switched off does nothing. */
  readonly triggers: ReadonlyMap<string, string>
}

interface Named {
  readonly name: string
}

const isSqlite = (db: Kysely<Schema>): boolean => db.getExecutor().adapter instanceof SqliteAdapter
const OURS = sql`relnamespace = current_schema()::regnamespace`

/** Reads what is there. */
export async function shapeOf(db: Kysely<Schema>): Promise<Shape> {
  const questions = isSqlite(db) ? SQLITE : POSTGRES
  const names = async (question: (typeof questions)[keyof typeof questions]): Promise<Set<string>> =>
    new Set((await sql<Named>`${question}`.execute(db)).rows.map(({ name }) => name))
  const bodies = async (question: (typeof questions)[keyof typeof questions]): Promise<Map<string, string>> =>
    new Map((await sql<Named & { body: string }>`${question}`.execute(db)).rows.map(({ name, body }) => [name, body]))
  return {
    columns: await names(questions.columns),
    required: await names(questions.required),
    indexes: await bodies(questions.indexes),
    uniques: await names(questions.uniques),
    references: await names(questions.references),
    triggers: await bodies(questions.triggers),
  }
}

const SQLITE = {
  columns: sql`select m.name || '.' || c.name as name from sqlite_schema m, pragma_table_info(m.name) c where m.type = 'table'`,
  required: sql`select m.name || '.' || c.name as name from sqlite_schema m, pragma_table_info(m.name) c
    where m.type = 'table' and c."notnull" = 1`,
  indexes: sql`select i.name as name, m.name || ' (' || group_concat(coalesce(c.name, '?'), ', ' order by c.seqno) || ')'
      || iif(i."unique" = 1, ' unique', '') || iif(i.partial = 1, ' in part', '') as body
    from sqlite_schema m, pragma_index_list(m.name) i, pragma_index_info(i.name) c
    where m.type = 'table' and i.origin = 'c' group by m.name, i.name`,
  uniques: sql`select m.name || ' (' || group_concat(c.name, ', ' order by c.name) || ')' as name
    from sqlite_schema m, pragma_index_list(m.name) i, pragma_index_info(i.name) c
    where m.type = 'table' and i."unique" = 1 and i.partial = 0 group by m.name, i.name`,
  references: sql`select m.name || '.' || f."from" || ' -> ' || f."table" || '.' || f."to" as name
    from sqlite_schema m, pragma_foreign_key_list(m.name) f where m.type = 'table'`,
  triggers: sql`select tbl_name || '.' || name as name, sql as body from sqlite_schema where type = 'trigger'`,
}

const POSTGRES = {
  columns: sql`select relname || '.' || attname as name from pg_attribute join pg_class c on c.oid = attrelid
    where ${OURS} and relkind in ('r', 'p') and attnum > 0 and not attisdropped`,
  required: sql`select relname || '.' || attname as name from pg_attribute join pg_class c on c.oid = attrelid
    where ${OURS} and relkind in ('r', 'p') and attnum > 0 and not attisdropped and attnotnull`,
  indexes: sql`select c.relname::text as name, t.relname || ' (' ||
      (select string_agg(coalesce(attname, '?'), ', ' order by place) from unnest(indkey) with ordinality k(number, place)
        left join pg_attribute on attrelid = indrelid and attnum = number)
      || ')' || case when indisunique then ' unique' else '' end || case when indpred is null then '' else ' in part' end as body
    from pg_index join pg_class c on c.oid = indexrelid join pg_class t on t.oid = indrelid where c.${OURS} and indisvalid`,
  uniques: sql`select relname || ' (' || string_agg(attname, ', ' order by attname collate "C") || ')' as name
    from pg_index join pg_class c on c.oid = indrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = any(indkey)
    where ${OURS} and indisunique and indisvalid and indpred is null group by relname, indexrelid`,
  references: sql`select c.relname || '.' || a.attname || ' -> ' || p.relname || '.' || k.attname as name
    from pg_constraint join pg_class c on c.oid = conrelid join pg_class p on p.oid = confrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = conkey[1]
    join pg_attribute k on k.attrelid = p.oid and k.attnum = confkey[1]
    where c.${OURS} and contype = 'f' and convalidated`,
  // Before each update (18), without a condition, and on for whoever is no replica.
  triggers: sql`select relname || '.' || tgname as name,
      case when tgenabled in ('O', 'A') and tgtype & 18 = 18 and tgqual is null and tgattr = '' then prosrc else '' end as body
    from pg_trigger join pg_class c on c.oid = tgrelid join pg_proc on pg_proc.oid = tgfoid
    where ${OURS} and not tgisinternal`,
}

/** What the migrations make. */
interface Model {
  readonly tables: readonly string[]
  readonly shape: Shape
  /** The statements that make the indexes, by their names; the same for both databases. */
  readonly indexes: ReadonlyMap<string, string>
}

/** @param level the last migration */
export const modelOf = (level: string): Promise<Model> =>
  withModel(level, async (_, db) => {
    const indexes = await sql<Named & { body: string }>`select name, sql as body from sqlite_schema
      where type = 'index' and sql is not null`.execute(db)
    return {
      tables: await tablesOf(db),
      shape: await shapeOf(db),
      indexes: new Map(indexes.rows.map(({ name, body }) => [name, body])),
    }
  })
