import type { ExpressionBuilder, Kysely } from 'kysely'
import type { AppRegistration } from '../../../domain/apps/trusted-application.ts'
import { LOGOUT_NOTICE } from '../../../domain/outbox/logout-notice.ts'
import type { Schema } from '../../schema/schema.ts'
import { outboxOn } from '../outbox/outbox.ts'

/** An app that was used with a sign-in session, as that ends. */
export interface LeftApp {
  readonly applicationUri: string
  /** The id of what tells it so, where the app wants to be told by this server. */
  readonly delivery: string | undefined
  /** Where it wants the browser to tell it. */
  readonly frontchannelLogoutUri: string | undefined
}

/**
 * Puts down, in the very unit of work that ends sessions or all of users, what its apps are to be told. They are taken off the
 * session as well, so that nobody is told twice.
 * @param now milliseconds since 1970
 * @param most how many to note, where the rest follows
 */
export async function noteSignOut(
  db: Kysely<Schema>,
  which: { readonly sids: readonly string[] } | { readonly users: readonly string[] },
  now: number,
  most?: number,
): Promise<LeftApp[]> {
  if (('sids' in which ? which.sids : which.users).length === 0) return []
  const these = (eb: ExpressionBuilder<Schema, 'session_apps'>) =>
    'sids' in which ? eb('sid', 'in', which.sids) : eb('user_id', 'in', which.users)
  const used = await db
    .deleteFrom('session_apps')
    .where(these)
    .$if(most !== undefined, (query) =>
      query.where(({ eb, refTuple, selectFrom }) =>
        eb(
          refTuple('sid', 'application_uri'),
          'in',
          selectFrom('session_apps')
            .select(['sid', 'application_uri'])
            .where(these)
            .limit(most ?? 0)
            .$asTuple('sid', 'application_uri'),
        ),
      ),
    )
    .returning(['sid', 'application_uri', 'user_id'])
    .execute()
  const uris = await registeredUris(db, [...new Set(used.map((row) => row.application_uri))])
  const left = used.map((row) => ({ ...row, ...uris.get(row.application_uri) }))
  const notified = left.filter(({ backchannelLogoutUri }) => backchannelLogoutUri !== undefined)
  const notices = notified.map(({ application_uri: app, user_id: user, sid }) => LOGOUT_NOTICE.to(app, { user, sid }))
  const ids = await outboxOn(db).add(notices, now)
  const deliveries = new Map(notified.map((row, index) => [row, ids[index]]))
  return left.map((row) => ({
    applicationUri: row.application_uri,
    delivery: deliveries.get(row),
    frontchannelLogoutUri: row.frontchannelLogoutUri,
  }))
}

type Uris = Pick<AppRegistration, 'backchannelLogoutUri' | 'frontchannelLogoutUri'>

/** An app that is switched off is told nothing. */
async function registeredUris(db: Kysely<Schema>, apps: readonly string[]): Promise<Map<string, Uris>> {
  if (apps.length === 0) return new Map()
  const rows = await db
    .selectFrom('trusted_applications')
    .select(['application_uri', 'registration'])
    .where('application_uri', 'in', apps)
    .where('is_enabled', '=', 1)
    .execute()
  return new Map(
    rows.map((row) => {
      const { backchannelLogoutUri, frontchannelLogoutUri } = JSON.parse(row.registration) as Uris
      return [row.application_uri, { backchannelLogoutUri, frontchannelLogoutUri }]
    }),
  )
}

export type SessionApps = ReturnType<typeof sessionAppsOn>

/** Which apps a sign-in session was used at. */
export function sessionAppsOn(db: Kysely<Schema>) {
  return {
    /** Notes that an app is given something that tells of the session. @param now milliseconds since 1970 */
    async note(sid: string, applicationUri: string, userId: string, now: number): Promise<void> {
      await db
        .insertInto('session_apps')
        .values({ sid, application_uri: applicationUri, user_id: userId, first_at: now })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },

    /** The apps that were given something which tells of the session. */
    async appsOf(sid: string): Promise<string[]> {
      const rows = await db.selectFrom('session_apps').select('application_uri').where('sid', '=', sid).execute()
      return rows.map(({ application_uri }) => application_uri)
    },

    /** The same of several sessions, in the order of the alphabet. */
    async appsOfEach(sids: readonly string[]): Promise<Map<string, string[]>> {
      const apps = new Map(sids.map((sid) => [sid, [] as string[]]))
      if (sids.length === 0) return apps
      const rows = await db
        .selectFrom('session_apps')
        .select(['sid', 'application_uri'])
        .where('sid', 'in', sids)
        .orderBy('application_uri')
        .execute()
      for (const { sid, application_uri } of rows) apps.get(sid)?.push(application_uri)
      return apps
    },
  }
}
