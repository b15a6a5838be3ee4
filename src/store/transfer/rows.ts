import { type Kysely, type RawBuilder, SqliteAdapter, sql } from 'kysely'
import type { Schema } from '../schema/schema.ts'
import type { Row, Table } from './plan.ts'

/** The values of the key's columns. */
export type Key = readonly (string | number | null)[]

/** A stretch of keys: after the one, up to and with the other; open where nothing is said. */
export interface Stretch {
  readonly after: Key | undefined
  readonly upTo: Key | undefined
}

export type Rows = ReturnType<typeof rowsOn>

export const keyOf = (table: Table, row: Row): Key => table.key.map((name) => row[name] ?? null)

const refs = (names: readonly string[]) => sql.join(names.map((name) => sql.ref(name)))
const tuples = (keys: readonly Key[]) => sql.join(keys.map((key) => sql`(${sql.join(key)})`))

/** Reads and writes whole rows of any table, alike on both databases. */
export function rowsOn(db: Kysely<Schema>) {
  const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter

  /** By code point, as SQLite does it. */
  const sortable = ({ key, columns }: Table): RawBuilder<unknown> =>
    sql.join(
      key.map((name) =>
        !isSqlite && columns.some((column) => column.name === name && column.type === 'text')
          ? sql`${sql.ref(name)} collate "C"`
          : sql.ref(name),
      ),
    )

  /** Rows as one parameter, however many they are. */
  function given({ columns }: Table, rows: readonly Row[]): RawBuilder<unknown> {
    if (isSqlite) {
      const values = JSON.stringify(rows.map((row) => columns.map(({ name }) => row[name])))
      return sql`select ${sql.join(columns.map((_, index) => sql`value ->> ${sql.lit(index)}`))} from json_each(${values}) where true`
    }
    const typed = sql.join(columns.map(({ name, type }) => sql`${sql.ref(name)} ${sql.raw(type)}`))
    const names = refs(columns.map(({ name }) => name))
    return sql`select ${names} from json_to_recordset(${JSON.stringify(rows)}::json) as given(${typed})`
  }

  const insertion = (table: Table, rows: readonly Row[]) =>
    sql`insert into ${sql.table(table.name)} (${refs(table.columns.map(({ name }) => name))}) ${given(table, rows)}`

  async function remove(table: Table, keys: readonly Key[]): Promise<void> {
    if (keys.length === 0) return
    await sql`delete from ${sql.table(table.name)} where (${refs(table.key)}) in (values ${tuples(keys)})`.execute(db)
  }

  return {
    /** The next rows in the order of their keys. */
    async page(table: Table, { after, upTo }: Stretch, limit: number): Promise<Row[]> {
      const key = sortable(table)
      const bounds = [
        ...(after ? [sql`(${key}) > (${sql.join(after)})`] : []),
        ...(upTo ? [sql`(${key}) <= (${sql.join(upTo)})`] : []),
      ]
      const where = bounds.length === 0 ? sql`` : sql`where ${sql.join(bounds, sql` and `)}`
      const names = refs(table.columns.map(({ name }) => name))
      const page = sql<Row>`select ${names} from ${sql.table(table.name)} ${where} order by ${key} limit ${sql.lit(limit)}`
      return (await page.execute(db)).rows
    },

    async count({ name }: Pick<Table, 'name'>): Promise<number> {
      const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(name)}`.execute(db)
      return rows[0]?.count ?? 0
    },

    async insert(table: Table, rows: readonly Row[]): Promise<void> {
      if (rows.length > 0) await insertion(table, rows).execute(db)
    },

    /** Gives rows that are there other values. */
    async replace(table: Table, rows: readonly Row[]): Promise<void> {
      if (rows.length === 0) return
      const changes = table.columns
        .filter(({ name }) => !table.key.includes(name))
        .map(({ name }) => sql`${sql.ref(name)} = ${sql.ref(`excluded.${name}`)}`)
      await sql`${insertion(table, rows)} on conflict (${refs(table.key)}) do update set ${sql.join(changes)}`.execute(
        db,
      )
    },

    remove,

    /** Removes rows that hold what is unique and belongs to one of these by now. */
    async evict(table: Table, rows: readonly Row[]): Promise<void> {
      if (rows.length === 0) return
      const textOf = (row: Row, names: readonly string[]): string => JSON.stringify(names.map((name) => row[name]))
      for (const unique of table.uniques) {
        const values = rows.map((row) => unique.map((name) => row[name] ?? null))
        const holders =
          await sql<Row>`select ${refs([...new Set([...table.key, ...unique])])} from ${sql.table(table.name)}
          where (${refs(unique)}) in (values ${tuples(values)})`.execute(db)
        const owners = new Map(rows.map((row) => [textOf(row, unique), textOf(row, table.key)]))
        const others = holders.rows.filter((row) => owners.get(textOf(row, unique)) !== textOf(row, table.key))
        await remove(
          table,
          others.map((row) => keyOf(table, row)),
        )
      }
    },
  }
}
