import { type Kysely, SqliteAdapter, sql } from 'kysely'

// Apps that prove themselves with keys or register themselves, and telling apps that a sign-in has ended.
export async function up(db: Kysely<unknown>): Promise<void> {
  const schema = db.schema
  const ofApp = 'trusted_applications.application_uri'

  // An assertion is good once; kept until it would have expired.
  await schema
    .createTable('client_assertions')
    .addColumn('application_uri', 'text', (c) => c.notNull())
    .addColumn('jti_digest', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('client_assertions_key', ['application_uri', 'jti_digest'])
    .execute()
  await schema.createIndex('client_assertions_expiry').on('client_assertions').column('expires_at').execute()

  // The secret itself, sealed under the master key, where the app signs with it.
  await schema.alterTable('app_secrets').addColumn('sealed_secret', 'text').execute()

  await schema
    .createTable('session_apps')
    .addColumn('sid', 'text', (c) => c.notNull().references('sign_in_sessions.sid').onDelete('cascade'))
    .addColumn('application_uri', 'text', (c) => c.notNull().references(ofApp).onDelete('cascade'))
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('first_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('session_apps_key', ['sid', 'application_uri'])
    .execute()
  await schema.createIndex('session_apps_app').on('session_apps').column('application_uri').execute()
  await schema.createIndex('session_apps_user').on('session_apps').column('user_id').execute()

  await schema
    .createTable('logout_deliveries')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('application_uri', 'text', (c) => c.notNull().references(ofApp).onDelete('cascade'))
    .addColumn('user_id', 'text')
    .addColumn('sid', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('next_attempt_at', 'bigint', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('last_error', 'text')
    .addColumn('delivered_at', 'bigint')
    .addColumn('given_up_at', 'bigint')
    .execute()
  await schema.createIndex('logout_deliveries_due').on('logout_deliveries').column('next_attempt_at').execute()
  await schema.createIndex('logout_deliveries_app').on('logout_deliveries').columns(['application_uri', 'id']).execute()

  await schema
    .createTable('initial_access_tokens')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('digest', 'text', (c) => c.notNull().unique())
    .addColumn('label', 'text')
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('uses_left', 'integer')
    .execute()

  await schema
    .createTable('self_registrations')
    .addColumn('application_uri', 'text', (c) => c.primaryKey().references(ofApp).onDelete('cascade'))
    .addColumn('token_digest', 'text', (c) => c.notNull())
    .addColumn('initial_access_token', 'text')
    .addColumn('metadata', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint')
    .execute()

  if (!(db.getExecutor().adapter instanceof SqliteAdapter)) await sortKeysByCodePoint(db)
}

/** Lists are in the same order on every database. */
async function sortKeysByCodePoint(db: Kysely<unknown>): Promise<void> {
  for (const [table, ...columns] of [
    ['client_assertions', 'application_uri', 'jti_digest'],
    ['session_apps', 'sid', 'application_uri'],
    ['logout_deliveries', 'id'],
    ['initial_access_tokens', 'id', 'digest'],
    ['self_registrations', 'application_uri'],
  ] as const)
    for (const column of columns)
      await sql`alter table ${sql.table(table)} alter column ${sql.ref(column)} type text collate "C"`.execute(db)
}
