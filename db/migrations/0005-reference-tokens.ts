import { type Kysely, SqliteAdapter, sql } from 'kysely'

// Tokens that are looked up rather than read, API sessions with their licence slots, and what tells APIs that tokens may have ended early.
export async function up(db: Kysely<unknown>): Promise<void> {
  const schema = db.schema
  const ofApp = 'trusted_applications.application_uri'

  await schema
    .createTable('reference_tokens')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('digest', 'text', (c) => c.notNull().unique())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('application_uri', 'text', (c) => c.notNull().references(ofApp).onDelete('cascade'))
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('app_epoch', 'bigint', (c) => c.notNull())
    .addColumn('user_epoch', 'bigint', (c) => c.notNull())
    .addColumn('description', 'text', (c) => c.notNull())
    .addColumn('scope', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addColumn('last_used_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .execute()
  await schema.createIndex('reference_tokens_app').on('reference_tokens').columns(['application_uri', 'id']).execute()
  await schema.createIndex('reference_tokens_user').on('reference_tokens').columns(['user_id', 'id']).execute()
  await schema.createIndex('reference_tokens_expiry').on('reference_tokens').column('expires_at').execute()

  await schema
    .createTable('opaque_access_tokens')
    .addColumn('digest', 'text', (c) => c.primaryKey())
    .addColumn('claims', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute()
  await schema.createIndex('opaque_access_tokens_expiry').on('opaque_access_tokens').column('expires_at').execute()

  await schema
    .createTable('api_sessions')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('application_uri', 'text', (c) => c.notNull().references(ofApp).onDelete('cascade'))
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('app_epoch', 'bigint', (c) => c.notNull())
    .addColumn('user_epoch', 'bigint', (c) => c.notNull())
    .addColumn('opened_at', 'bigint', (c) => c.notNull())
    .addColumn('last_seen_at', 'bigint', (c) => c.notNull())
    .addColumn('ended_at', 'bigint')
    .execute()
  await schema.createIndex('api_sessions_holder').on('api_sessions').columns(['user_id', 'application_uri']).execute()
  await schema.createIndex('api_sessions_app').on('api_sessions').column('application_uri').execute()
  await schema.createIndex('api_sessions_live').on('api_sessions').columns(['ended_at', 'last_seen_at']).execute()
  await schema.createIndex('api_sessions_use').on('api_sessions').column('last_seen_at').execute()

  await schema
    .createTable('reserved_users')
    .addColumn('user_id', 'text', (c) => c.primaryKey().references('users.id').onDelete('cascade'))
    .execute()

  // Rises whenever everything issued so far to an app acting as one user must die, and nothing else of either.
  await schema
    .createTable('session_epochs')
    .addColumn('application_uri', 'text', (c) => c.notNull().references(ofApp).onDelete('cascade'))
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('epoch', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('session_epochs_key', ['application_uri', 'user_id'])
    .execute()
  await schema.createIndex('session_epochs_user').on('session_epochs').column('user_id').execute()

  // Whose tokens an API must ask about again. Names only, no references: a token outlives the app and the user it is for.
  await schema
    .createTable('token_notices')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('noticed_at', 'bigint', (c) => c.notNull())
    .addColumn('application_uri', 'text')
    .addColumn('user_id', 'text')
    .execute()
  await schema.createIndex('token_notices_time').on('token_notices').columns(['noticed_at', 'id']).execute()

  // The apps through which an API asks about the tokens that it is sent.
  await schema
    .createTable('resource_servers')
    .addColumn('identifier', 'text', (c) => c.notNull().references('api_resources.identifier').onDelete('cascade'))
    .addColumn('application_uri', 'text', (c) => c.notNull().references(ofApp).onDelete('cascade'))
    .addPrimaryKeyConstraint('resource_servers_key', ['identifier', 'application_uri'])
    .execute()
  await schema.createIndex('resource_servers_app').on('resource_servers').column('application_uri').execute()

  if (!(db.getExecutor().adapter instanceof SqliteAdapter)) await sortKeysByCodePoint(db)
}

/** Lists are in the same order on every database. */
async function sortKeysByCodePoint(db: Kysely<unknown>): Promise<void> {
  for (const [table, ...columns] of [
    ['reference_tokens', 'id', 'digest'],
    ['opaque_access_tokens', 'digest'],
    ['api_sessions', 'id'],
    ['reserved_users', 'user_id'],
    ['session_epochs', 'application_uri', 'user_id'],
    ['token_notices', 'id'],
    ['resource_servers', 'identifier', 'application_uri'],
  ] as const)
    for (const column of columns)
      await sql`alter table ${sql.table(table)} alter column ${sql.ref(column)} type text collate "C"`.execute(db)
}
