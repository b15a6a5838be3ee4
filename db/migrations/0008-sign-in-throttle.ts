import { type Kysely, SqliteAdapter, sql } from 'kysely'

// Attempts to sign in that have not succeeded: by name as entered, by account, by device and by network. Every node counts here.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('sign_in_attempts')
    .addColumn('key', 'text', (c) => c.primaryKey())
    .addColumn('user_id', 'text', (c) => c.references('users.id').onDelete('cascade'))
    .addColumn('since', 'bigint', (c) => c.notNull())
    .addColumn('count', 'bigint', (c) => c.notNull())
    .addColumn('locks', 'bigint', (c) => c.notNull())
    .addColumn('locked_until', 'bigint', (c) => c.notNull())
    .addColumn('consecutive', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('sign_in_attempts_user').on('sign_in_attempts').column('user_id').execute()
  await db.schema.createIndex('sign_in_attempts_expiry').on('sign_in_attempts').column('expires_at').execute()
  if (db.getExecutor().adapter instanceof SqliteAdapter) return
  for (const column of ['key', 'user_id'])
    await sql`alter table sign_in_attempts alter column ${sql.ref(column)} type text collate "C"`.execute(db)
}
