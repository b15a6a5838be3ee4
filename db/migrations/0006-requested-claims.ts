import type { Kysely } from 'kysely'

// Claims that an app asked for by name; JSON, or null for none. The grant keeps them for as long as its tokens live.
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ['authorization_codes', 'token_families'])
    await db.schema.alterTable(table).addColumn('claims', 'text').execute()
}
