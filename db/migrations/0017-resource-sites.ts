import type { Kysely } from 'kysely'

// Where an API is, as auto-discovery tells everybody; nothing where the operator has not said so.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('api_resources').addColumn('site', 'text').execute()
}
