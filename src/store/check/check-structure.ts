import { type Kysely, SqliteAdapter } from 'kysely'
import type { Schema } from '../schema/schema.ts'
import { tablesOf } from '../schema/tables.ts'
import { FREEZING } from '../transfer/freeze.ts'
import { type Check, failed, passed, restoring } from './check.ts'
import { modelOf, type Shape, shapeOf } from './shape.ts'

/** The trigger that keeps what happened from being told otherwise. */
const APPEND_ONLY = 'audit_events.audit_events_append_only'

const MIGRATE = 'tessera db migrate puts it back'

/**
 * Whether the database is made as the migrations make it. A table or a column that is missing ends the check, as nothing can be read.
 * @param level the last migration that it has
 */
export async function checkStructure(db: Kysely<Schema>, level: string): Promise<{ checks: Check[]; whole: boolean }> {
  const model = await modelOf(level)
  const [found, tables] = [await shapeOf(db), await tablesOf(db)]
  const lost = model.tables.filter((name) => !tables.includes(name))
  const columns = missing(model.shape.columns, found.columns).filter((name) => !lost.some((table) => isOf(table, name)))
  const whole = lost.length === 0 && columns.length === 0
  const checks = [
    lost.length > 0
      ? failed('tables', `missing: ${shown(lost)}`, restoring(db))
      : checkForeign(tables.filter((name) => !model.tables.includes(name))),
    columns.length > 0
      ? failed('columns', `missing: ${shown(columns)}`, restoring(db))
      : passed('columns', 'every column is there'),
  ]
  if (!whole) return { checks: checks.filter((check) => !check.passed), whole }
  return {
    checks: [
      ...checks,
      checkIndexes(model.shape, found),
      checkConstraints(model.shape, found, db),
      ...checkTriggers(found),
    ],
    whole,
  }
}

const isOf = (table: string, column: string): boolean => column.startsWith(`${table}.`)
export const missing = (wanted: ReadonlySet<string>, found: ReadonlySet<string>): string[] =>
  [...wanted].filter((name) => !found.has(name))

/** The first few of many. */
const shown = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`

const checkForeign = (names: readonly string[]): Check =>
  names.length === 0
    ? passed('tables', 'every table is there, and no other')
    : failed(
        'tables',
        `not Tessera's: ${shown(names)}`,
        'give whatever made them a database of its own; a backup or a move leaves them out',
      )

/** The indexes that are not there, or not made as they should be. */
export const indexesToMake = (model: Shape, found: Shape): string[] =>
  [...model.indexes].flatMap(([name, body]) => (found.indexes.get(name) === body ? [] : [name]))

function checkIndexes(model: Shape, found: Shape): Check {
  const other = indexesToMake(model, found)
  const lost = other.filter((name) => !found.indexes.has(name))
  if (other.length === 0) return passed('indexes', 'every index is there')
  const what = lost.length > 0 ? `missing: ${shown(lost)}` : `not as they should be: ${shown(other)}`
  return failed('indexes', `${what}, so that requests read whole tables`, MIGRATE)
}

function checkConstraints(model: Shape, found: Shape, db: Kysely<Schema>): Check {
  const lost = [
    ...missing(model.uniques, found.uniques),
    ...missing(model.references, found.references),
    ...missing(model.required, found.required).map((column) => `${column} not null`),
  ]
  const to = db.getExecutor().adapter instanceof SqliteAdapter ? '--to file:NEW.db' : '--to-url-file FILE'
  return lost.length === 0
    ? passed('constraints', 'every key, unique name and reference is enforced')
    : failed('constraints', `not enforced: ${shown(lost)}`, `tessera db move ${to} makes a database that enforces it`)
}

/** What the trigger does, whole: one with a condition, or with more to do, is another. */
const GUARDS: readonly RegExp[] = [
  /^create trigger audit_events_append_only before update on audit_events begin select raise\(abort, 'the audit log is append-only'\); end$/i,
  /^begin raise exception 'the audit log is append-only'; end$/,
]

export function isAppendOnly({ triggers }: Pick<Shape, 'triggers'>): boolean {
  const body = (triggers.get(APPEND_ONLY) ?? '').trim().replace(/\s+/g, ' ')
  return GUARDS.some((guard) => guard.test(body))
}

function checkTriggers({ triggers }: Pick<Shape, 'triggers'>): Check[] {
  const unknown = [...triggers.keys()].filter((name) => name !== APPEND_ONLY && !name.includes(`.${FREEZING}`))
  return [
    isAppendOnly({ triggers })
      ? passed('audit log', 'append-only')
      : failed('audit log', 'the trigger that makes it append-only is missing or switched off', MIGRATE),
    unknown.length === 0
      ? passed('triggers', 'none but our own')
      : failed('triggers', `not Tessera's: ${shown(unknown)}`, 'find out what they do, and drop them'),
  ]
}
