import { type Kysely, SqliteAdapter, sql } from 'kysely'

// What a database knows about being copied to or from another one, and keys that both databases sort alike.
export async function up(db: Kysely<unknown>): Promise<void> {
  // A backup of an older schema was given this table ahead of time.
  await db.schema
    .createTable('move_state')
    .ifNotExists()
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('value', 'text', (c) => c.notNull())
    .execute()

  if (!(db.getExecutor().adapter instanceof SqliteAdapter)) await sortKeysByCodePoint(db)
}

/** A table is read in the order of its key, page by page, by its index alone. */
async function sortKeysByCodePoint(db: Kysely<unknown>): Promise<void> {
  for (const [table, ...columns] of [
    ['users', 'id'],
    ['user_identifiers', 'identifier'],
    ['app_secrets', 'id'],
    ['app_origins', 'origin', 'application_uri'],
    ['sign_in_sessions', 'sid'],
    ['consents', 'user_id', 'application_uri'],
    ['authorization_codes', 'digest'],
    ['token_families', 'family'],
    ['refresh_tokens', 'digest'],
    ['revoked_access_tokens', 'jti_digest'],
    ['settings', 'name'],
    ['leases', 'task'],
  ] as const)
    for (const column of columns)
      await sql`alter table ${sql.table(table)} alter column ${sql.ref(column)} type text collate "C"`.execute(db)
}
