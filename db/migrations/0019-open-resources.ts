import type { Kysely } from 'kysely'

// Whether apps that register themselves may have scopes of an API; of those there are, only that of the instance was open to them.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('api_resources')
    .addColumn('open_to_self_registered', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
}
