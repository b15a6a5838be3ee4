import { type Kysely, SqliteAdapter, sql } from 'kysely'

// An API session is of a seat: a sign-in session, a reference token, or an app on its own. Which apps call within it is a table of its own.
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const open = await readOpen(db)
  await schema.dropTable('api_sessions').execute()

  await schema
    .createTable('api_sessions')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('user_epoch', 'bigint', (c) => c.notNull())
    .addColumn('seat', 'text', (c) => c.notNull())
    // The seat again until the session is ended, so that no seat has two.
    .addColumn('live_seat', 'text', (c) => c.unique())
    .addColumn('opened_at', 'bigint', (c) => c.notNull())
    .addColumn('last_seen_at', 'bigint', (c) => c.notNull())
    .addColumn('ended_at', 'bigint')
    .execute()
  const oldestFirst = ['ended_at', 'opened_at', 'id']
  await schema.createIndex('api_sessions_live').on('api_sessions').columns(['ended_at', 'last_seen_at']).execute()
  await schema.createIndex('api_sessions_use').on('api_sessions').column('last_seen_at').execute()
  await schema.createIndex('api_sessions_opened').on('api_sessions').columns(oldestFirst).execute()
  await schema
    .createIndex('api_sessions_user')
    .on('api_sessions')
    .columns(['user_id', ...oldestFirst])
    .execute()
  await schema.createIndex('api_sessions_kind').on('api_sessions').columns(['kind', 'ended_at', 'opened_at']).execute()

  const ofApp = 'trusted_applications.application_uri'
  await schema
    .createTable('api_session_apps')
    .addColumn('session_id', 'text', (c) => c.notNull().references('api_sessions.id').onDelete('cascade'))
    .addColumn('application_uri', 'text', (c) => c.notNull().references(ofApp).onDelete('cascade'))
    .addColumn('app_epoch', 'bigint', (c) => c.notNull())
    .addColumn('session_epoch', 'bigint', (c) => c.notNull())
    // When the session was opened, so that those of an app are listed in that order.
    .addColumn('opened_at', 'bigint', (c) => c.notNull())
    .addColumn('joined_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('api_session_apps_key', ['session_id', 'application_uri'])
    .execute()
  await schema
    .createIndex('api_session_apps_app')
    .on('api_session_apps')
    .columns(['application_uri', 'opened_at', 'session_id'])
    .execute()

  // What apps may refresh for a person, in the order of their beginning; and when each was refreshed last.
  await schema
    .createIndex('token_families_live')
    .on('token_families')
    .columns(['user_id', 'started_at', 'family'])
    .where(sql.ref('revoked_at'), 'is', null)
    .execute()
  await schema.dropIndex('refresh_tokens_family').execute()
  await schema.createIndex('refresh_tokens_family').on('refresh_tokens').columns(['family', 'rotated_at']).execute()

  if (!(db.getExecutor().adapter instanceof SqliteAdapter)) await sortKeysByCodePoint(db)
  await keepOpen(db, open)
}

/** Lists are in the same order on every database. */
async function sortKeysByCodePoint(db: Kysely<unknown>): Promise<void> {
  for (const [table, ...columns] of [
    ['api_sessions', 'id', 'live_seat'],
    ['api_session_apps', 'session_id', 'application_uri'],
  ] as const)
    for (const column of columns)
      await sql`alter table ${sql.table(table)} alter column ${sql.ref(column)} type text collate "C"`.execute(db)
}

interface Open {
  readonly id: string
  readonly kind: string
  readonly application_uri: string
  readonly user_id: string
  readonly app_epoch: number
  readonly user_epoch: number
  readonly session_epoch: number
  readonly opened_at: number
  readonly last_seen_at: number
  readonly sid: string | null
  readonly token: string | null
}

/** The sessions that no kill switch has ended, the oldest first, with the latest sign-in and the PAT used last of their app and user. */
async function readOpen(db: Kysely<unknown>): Promise<readonly Open[]> {
  const { rows } = await sql<Open>`select s.id, s.kind, s.application_uri, s.user_id, s.app_epoch, s.user_epoch,
      s.opened_at, s.last_seen_at,
      coalesce((select e.epoch from session_epochs e
        where e.application_uri = s.application_uri and e.user_id = s.user_id), 0) + u.grants_epoch as session_epoch,
      (select f.sid from token_families f
        where f.user_id = s.user_id and f.application_uri = s.application_uri and f.revoked_at is null
          and f.app_epoch = s.app_epoch and f.user_epoch = s.user_epoch
        order by f.started_at desc, f.family desc limit 1) as sid,
      (select r.id from reference_tokens r
        where r.user_id = s.user_id and r.application_uri = s.application_uri and r.revoked_at is null and r.kind = 'PAT'
          and r.app_epoch = s.app_epoch and r.user_epoch = s.user_epoch
        order by coalesce(r.last_used_at, r.created_at) desc, r.id desc limit 1) as token
    from api_sessions s
      join users u on u.id = s.user_id and u.epoch = s.user_epoch and u.is_enabled = 1
      join trusted_applications a on a.application_uri = s.application_uri and a.epoch = s.app_epoch and a.is_enabled = 1
    where s.ended_at is null order by s.opened_at, s.id`.execute(db)
  return rows
}

/** The words are those of `src/domain/sessions/seat.ts`; with neither a sign-in nor a token nobody can go on. */
function seatOf({ kind, application_uri, user_id, sid, token }: Open): string | undefined {
  if (kind === 'service') return `app ${user_id} ${application_uri}`
  if (sid !== null) return `sign-in ${sid}`
  return token === null ? undefined : `token ${token}`
}

/** What belongs to one seat becomes one session, which has the id of the oldest. */
async function keepOpen(db: Kysely<unknown>, open: readonly Open[]): Promise<void> {
  const bySeat = new Map<string, Open[]>()
  for (const session of open) {
    const seat = seatOf(session)
    if (seat !== undefined) bySeat.set(seat, [...(bySeat.get(seat) ?? []), session])
  }
  for (const [seat, sessions] of bySeat) {
    const [first] = sessions
    if (!first) continue
    const lastSeen = Math.max(...sessions.map(({ last_seen_at }) => Number(last_seen_at)))
    await sql`insert into api_sessions (id, kind, user_id, user_epoch, seat, live_seat, opened_at, last_seen_at)
      values (${first.id}, ${first.kind}, ${first.user_id}, ${first.user_epoch}, ${seat}, ${seat}, ${first.opened_at}, ${lastSeen})`.execute(
      db,
    )
    for (const app of new Map(sessions.map((session) => [session.application_uri, session])).values())
      await sql`insert into api_session_apps (session_id, application_uri, app_epoch, session_epoch, opened_at, joined_at)
        values (${first.id}, ${app.application_uri}, ${app.app_epoch}, ${app.session_epoch}, ${first.opened_at}, ${app.opened_at})`.execute(
        db,
      )
  }
}
