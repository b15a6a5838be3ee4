import { type Kysely, SqliteAdapter, sql } from 'kysely'

// One outbox for everything that is sent elsewhere, by kind and destination; what apps are told of sign-outs goes over as it is.
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter

  await schema
    .createTable('outbox')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('destination', 'text', (c) => c.notNull())
    .addColumn('payload', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('next_attempt_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('last_error', 'text')
    .addColumn('delivered_at', 'bigint')
    .addColumn('given_up_at', 'bigint')
    .execute()
  // Lists are in the same order on every database.
  if (!isSqlite) await sql`alter table outbox alter column id type text collate "C"`.execute(db)

  const object = sql.raw(isSqlite ? 'json_object' : 'json_build_object')
  await sql`insert into outbox (id, kind, destination, payload, created_at, next_attempt_at, attempts, last_error, delivered_at, given_up_at)
    select id, 'logout_notice', application_uri,
      cast(case when user_id is null then ${object}('sid', sid) else ${object}('user', user_id, 'sid', sid) end as text),
      created_at, next_attempt_at, attempts, last_error, delivered_at, given_up_at
    from logout_deliveries`.execute(db)
  await schema.dropTable('logout_deliveries').execute()

  // What went to a destination; what is still to be sent, with all that is asked of it; and since when it could be forgotten.
  await schema.createIndex('outbox_destination').on('outbox').columns(['kind', 'destination', 'id']).execute()
  await schema
    .createIndex('outbox_waiting')
    .on('outbox')
    .columns(['kind', 'destination', 'next_attempt_at', 'id', 'delivered_at', 'given_up_at'])
    .where(sql.ref('delivered_at'), 'is', null)
    .where(sql.ref('given_up_at'), 'is', null)
    .execute()
  await schema.createIndex('outbox_made').on('outbox').column('created_at').execute()
}
