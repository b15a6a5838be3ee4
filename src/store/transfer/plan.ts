import type Database from 'better-sqlite3'
import { Kysely } from 'kysely'
import { migrationsOf } from '../engine/migrations.ts'
import { immediateDialect } from '../engine/sqlite-dialect.ts'
import { loadSqlite } from '../engine/sqlite-library.ts'
import type { Schema } from '../schema/schema.ts'

/** One row, column by column; both databases store nothing but texts and whole numbers. */
export type Row = Readonly<Record<string, string | number | null>>

export interface Column {
  readonly name: string
  readonly type: string
}

export interface Table {
  readonly name: string
  readonly columns: readonly Column[]
  /** The columns of the primary key, in its order. */
  readonly key: readonly string[]
  /** Columns whose values are unique together, the key aside. */
  readonly uniques: readonly (readonly string[])[]
  /** What the migrations themselves put in. */
  readonly given: readonly Row[]
}

// The migrator's own tables, and what a database knows about being moved.
const NOT_COPIED = ['kysely_migration', 'kysely_migration_lock', 'move_state']

/**
 * Every table to copy, parents before their children. It is read from a database made by the migrations themselves, so that no
 * table and no column can be forgotten.
 * @param level the last migration the source has
 */
export const planOf = (level: string): Promise<Table[]> =>
  withModel(level, (database) => {
    const names = database.prepare("select name from sqlite_schema where type = 'table' order by rowid").pluck().all()
    return parentsFirst(
      database,
      (names as string[])
        .filter((name) => !NOT_COPIED.includes(name) && !name.startsWith('sqlite_'))
        .map((name) => describe(database, name)),
    )
  })

/** Works on a database as the migrations make it, which holds nothing. */
export async function withModel<T>(
  level: string,
  work: (database: Database.Database, db: Kysely<Schema>) => T | Promise<T>,
): Promise<T> {
  const database = new (loadSqlite())(':memory:')
  try {
    const db = new Kysely<Schema>({ dialect: immediateDialect(database) })
    await migrationsOf(db).migrate(level)
    return await work(database, db)
  } finally {
    database.close()
  }
}

/** The names of all tables that are Tessera's, those that are not copied included. */
export const ownTables = (plan: readonly Table[]): string[] => [...NOT_COPIED, ...plan.map(({ name }) => name)]

function describe(database: Database.Database, name: string): Table {
  const columns = database.pragma(`table_info(${name})`) as { name: string; type: string; pk: number }[]
  const indexes = database.pragma(`index_list(${name})`) as { name: string; unique: number; origin: string }[]
  const columnsOf = (index: string): string[] =>
    (database.pragma(`index_info(${index})`) as { name: string }[]).map((column) => column.name)
  return {
    name,
    columns: columns.map((column) => ({ name: column.name, type: column.type.toLowerCase() })),
    key: columns
      .filter(({ pk }) => pk > 0)
      .sort((left, right) => left.pk - right.pk)
      .map((column) => column.name),
    uniques: indexes
      .filter(({ unique, origin }) => unique === 1 && origin !== 'pk')
      .map((index) => columnsOf(index.name)),
    given: database.prepare(`select * from ${name}`).all() as Row[],
  }
}

function parentsFirst(database: Database.Database, tables: readonly Table[]): Table[] {
  const parentsOf = ({ name }: Table): string[] =>
    (database.pragma(`foreign_key_list(${name})`) as { table: string }[]).map(({ table }) => table)
  const ordered: Table[] = []
  const isPlaced = (name: string): boolean => ordered.some((table) => table.name === name)
  while (ordered.length < tables.length) {
    const next = tables.find(
      (table) => !isPlaced(table.name) && parentsOf(table).every((name) => name === table.name || isPlaced(name)),
    )
    if (!next) throw new Error('the tables refer to one another in a circle')
    ordered.push(next)
  }
  return ordered
}
