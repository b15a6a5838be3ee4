import type { Kysely } from 'kysely'

// The list of people begins with who came last.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex('users_newest').on('users').columns(['created_at', 'id']).execute()
}
