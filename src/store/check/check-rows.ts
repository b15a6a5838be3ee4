import type { Kysely } from 'kysely'
import type { Schema } from '../schema/schema.ts'
import type { Column, Row, Table } from '../transfer/plan.ts'
import { type Check, failed, passed, restoring } from './check.ts'
import { pagesOf } from './pages.ts'
import { ROW_RULES } from './row-rules.ts'

/**
 * Reads every row, and whether whoever reads it gets what they expect: what cannot be read ends a list or an export in the middle.
 * @returns a line for each table in which something is wrong, or one for all
 */
export async function checkRows(db: Kysely<Schema>, plan: readonly Table[]): Promise<Check[]> {
  const faults: Check[] = []
  let read = 0
  for (const table of plan) {
    let wrong = 0
    let first: string | undefined
    for await (const rows of pagesOf(db, table)) {
      read += rows.length
      for (const row of rows) {
        const fault = faultOf(table, row)
        if (fault === undefined) continue
        wrong += 1
        first ??= fault
      }
    }
    if (first === undefined) continue
    const more = wrong > 1 ? `, and so on in ${wrong} rows` : ''
    faults.push(failed(`rows of ${table.name}`, `${first}${more}`, restoring(db)))
  }
  return faults.length > 0 ? faults : [passed('values', `${read} rows read, and each can be used`)]
}

function faultOf(table: Table, row: Row): string | undefined {
  const rules = (
    ROW_RULES as Readonly<Record<string, Readonly<Record<string, (value: string | number) => string | undefined>>>>
  )[table.name]
  for (const column of table.columns) {
    const value = row[column.name] ?? null
    if (value === null) continue
    const wrong = whyNotOfType(column, value) ?? rules?.[column.name]?.(value)
    if (wrong !== undefined) return `${column.name}${nameOf(table, row)} ${wrong}`
  }
  return undefined
}

/** SQLite keeps whatever it is given in a column of any type. */
const whyNotOfType = ({ type }: Column, value: string | number): string | undefined =>
  type === 'text'
    ? typeof value === 'string'
      ? undefined
      : 'is no text'
    : Number.isSafeInteger(value) && Number(value) >= 0
      ? undefined
      : 'is no whole number'

/** Which row it is; never by what may be a secret where a digest should be. */
function nameOf({ key }: Table, row: Row): string {
  if (key.some((name) => name.includes('digest'))) return ''
  return ` of ${key.map((name) => row[name]).join(', ')}`
}
