import type { Kysely } from 'kysely'

// Beside the mark of the master key: the keys that outlive a change of it, sealed under it; none while they are derived from it.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('settings').addColumn('sealed', 'text').execute()
}
