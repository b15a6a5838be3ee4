import type { Kysely } from 'kysely'
import type { Schema } from '../schema/schema.ts'
import type { Row, Table } from '../transfer/plan.ts'
import { type Key, keyOf, rowsOn } from '../transfer/rows.ts'

// So many rows are in memory at once.
const PAGE = 500

/** All rows of a table, in bounded portions in the order of its key. */
export async function* pagesOf(db: Kysely<Schema>, table: Table): AsyncGenerator<Row[]> {
  let after: Key | undefined
  for (;;) {
    const rows = await rowsOn(db).page(table, { after, upTo: undefined }, PAGE)
    const last = rows.at(-1)
    if (!last) return
    yield rows
    if (rows.length < PAGE) return
    after = keyOf(table, last)
  }
}
