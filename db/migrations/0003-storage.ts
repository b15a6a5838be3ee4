import { type Kysely, SqliteAdapter, sql } from 'kysely'

// What several nodes need to share one database, and what the clean-up needs to find what is over.
export async function up(db: Kysely<unknown>): Promise<void> {
  const schema = db.schema
  const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter

  // Whoever looks before they write locks this row; SQLite has one writer in any case.
  await sql`insert into settings (name, value) values ('writing-alone', '')`.execute(db)

  // A task that one node does at a time, and until when it is taken.
  await schema
    .createTable('leases')
    .addColumn('task', 'text', (c) => c.primaryKey())
    .addColumn('holder', 'text', (c) => c.notNull())
    .addColumn('until', 'bigint', (c) => c.notNull())
    .execute()

  await schema.createIndex('authorization_codes_expiry').on('authorization_codes').column('expires_at').execute()
  await schema.createIndex('token_families_expiry').on('token_families').column('expires_at').execute()
  await schema.createIndex('revoked_access_tokens_expiry').on('revoked_access_tokens').column('expires_at').execute()
  await schema.createIndex('sign_in_sessions_start').on('sign_in_sessions').column('created_at').execute()

  if (!isSqlite) await sortByCodePoint(db)
}

/** Lists are in the same order on every database, whatever locale it was made with. */
async function sortByCodePoint(db: Kysely<unknown>): Promise<void> {
  for (const [table, column] of [
    ['users', 'login'],
    ['trusted_applications', 'application_uri'],
    ['api_resources', 'identifier'],
    ['refusals', 'id'],
    ['audit_events', 'id'],
    ['signing_keys', 'kid'],
  ] as const)
    await sql`alter table ${sql.table(table)} alter column ${sql.ref(column)} type text collate "C"`.execute(db)
}
