import { type Kysely, SqliteAdapter, sql } from 'kysely'

// What an operator needs beside the protocol: refusals, the audit log, API resources, and more about each secret.
export async function up(db: Kysely<unknown>): Promise<void> {
  const schema = db.schema

  await schema
    .createTable('refusals')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('refused_at', 'bigint', (c) => c.notNull())
    .addColumn('endpoint', 'text', (c) => c.notNull())
    .addColumn('method', 'text', (c) => c.notNull())
    .addColumn('status', 'integer', (c) => c.notNull())
    .addColumn('error', 'text', (c) => c.notNull())
    .addColumn('description', 'text', (c) => c.notNull())
    .addColumn('parameters', 'text', (c) => c.notNull())
    .addColumn('detail', 'text', (c) => c.notNull())
    .addColumn('application_uri', 'text')
    .addColumn('address', 'text', (c) => c.notNull())
    .execute()
  await schema.createIndex('refusals_time').on('refusals').columns(['refused_at', 'id']).execute()
  await schema.createIndex('refusals_app').on('refusals').columns(['application_uri', 'refused_at']).execute()

  // Names only, no references: what happened stays told when those it happened to are gone.
  await schema
    .createTable('audit_events')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('happened_at', 'bigint', (c) => c.notNull())
    .addColumn('event', 'text', (c) => c.notNull())
    .addColumn('outcome', 'text', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('address', 'text')
    .addColumn('application_uri', 'text')
    .addColumn('user_id', 'text')
    .addColumn('detail', 'text', (c) => c.notNull())
    .execute()
  await schema.createIndex('audit_events_time').on('audit_events').columns(['happened_at', 'id']).execute()
  await schema.createIndex('audit_events_app').on('audit_events').columns(['application_uri', 'happened_at']).execute()
  await schema.createIndex('audit_events_user').on('audit_events').columns(['user_id', 'happened_at']).execute()

  await forbidUpdates(db)

  await schema
    .createTable('api_resources')
    .addColumn('identifier', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('scopes', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .execute()

  await schema.alterTable('app_secrets').addColumn('label', 'text').execute()
  await schema.alterTable('app_secrets').addColumn('last_used_at', 'bigint').execute()
  // The resources a person's grant was asked for; JSON, or null for the default one.
  await schema.alterTable('authorization_codes').addColumn('resources', 'text').execute()
  await schema.alterTable('token_families').addColumn('resources', 'text').execute()
}

/** What happened cannot be told otherwise afterwards, not even by a program with a mistake. */
export async function forbidUpdates(db: Kysely<unknown>): Promise<void> {
  if (db.getExecutor().adapter instanceof SqliteAdapter) {
    await sql`create trigger audit_events_append_only before update on audit_events
      begin select raise(abort, 'the audit log is append-only'); end`.execute(db)
    return
  }
  await sql`create function refuse_update() returns trigger language plpgsql as
    $$ begin raise exception 'the audit log is append-only'; end $$`.execute(db)
  await sql`create trigger audit_events_append_only before update on audit_events
    for each statement execute function refuse_update()`.execute(db)
}
