import type { Kysely } from 'kysely'
import type { Schema } from '../schema/schema.ts'
import type { Rows } from './rows.ts'

// Answers to refreshes are there to be given again a moment later. In a copy that is kept they only open, with an old token, the
// one that took its place.

/** The same rows, without answers. */
export const withoutAnswers = (rows: Rows): Rows => ({
  ...rows,
  async page(table, stretch, limit) {
    const page = await rows.page(table, stretch, limit)
    return table.name === 'refresh_tokens' ? page.map((row) => ({ ...row, sealed_answer: null })) : page
  },
})

export async function forgetAnswers(db: Kysely<Schema>): Promise<void> {
  await db.updateTable('refresh_tokens').set({ sealed_answer: null }).where('sealed_answer', 'is not', null).execute()
}
