import type { Kysely } from 'kysely'
import type { AppRegistration } from '../../../domain/apps/trusted-application.ts'
import { newOrderedId } from '../../../lib/crypto/secrets.ts'
import type { Schema } from '../../schema/schema.ts'

/** An app that was used with a sign-in session, as that ends. */
export interface LeftApp {
  readonly applicationUri: string
  /** The id of what tells it so, where the app wants to be told by this server. */
  readonly delivery: string | undefined
  /** Where it wants the browser to tell it. */
  readonly frontchannelLogoutUri: string | undefined
}

// Rows; a statement holds so many values and no more.
const AT_ONCE = 500

/**
 * Puts down, in the very unit of work that ends a session or all of a user, what its apps are to be told. They are taken off the
 * session as well, so that nobody is told twice.
 * @param now milliseconds since 1970
 */
export async function noteSignOut(
  db: Kysely<Schema>,
  which: { readonly sid: string } | { readonly user: string },
  now: number,
): Promise<LeftApp[]> {
  const used = await db
    .deleteFrom('session_apps')
    .where('sid' in which ? 'sid' : 'user_id', '=', 'sid' in which ? which.sid : which.user)
    .returning(['sid', 'application_uri', 'user_id'])
    .execute()
  const uris = await registeredUris(db, [...new Set(used.map((row) => row.application_uri))])
  const left = used.map(({ sid, application_uri: applicationUri, user_id: userId }) => {
    const { backchannelLogoutUri, frontchannelLogoutUri } = uris.get(applicationUri) ?? {}
    const delivery = backchannelLogoutUri === undefined ? undefined : newOrderedId(now)
    return { sid, userId, applicationUri, delivery, frontchannelLogoutUri }
  })
  const rows = left.flatMap(({ sid, userId, applicationUri, delivery: id }) =>
    id === undefined ? [] : [{ id, sid, user_id: userId, application_uri: applicationUri, ...untold(now) }],
  )
  for (let from = 0; from < rows.length; from += AT_ONCE)
    await db
      .insertInto('logout_deliveries')
      .values(rows.slice(from, from + AT_ONCE))
      .execute()
  return left.map(({ sid, userId, ...app }) => app)
}

const untold = (now: number) => ({
  created_at: now,
  next_attempt_at: now,
  attempts: 0,
  last_error: null,
  delivered_at: null,
  given_up_at: null,
})

type Uris = Partial<Pick<AppRegistration, 'backchannelLogoutUri' | 'frontchannelLogoutUri'>>

/** An app that is switched off is told nothing. */
async function registeredUris(db: Kysely<Schema>, apps: readonly string[]): Promise<Map<string, Uris>> {
  if (apps.length === 0) return new Map()
  const rows = await db
    .selectFrom('trusted_applications')
    .select(['application_uri', 'registration'])
    .where('application_uri', 'in', apps)
    .where('is_enabled', '=', 1)
    .execute()
  return new Map(rows.map((row) => [row.application_uri, JSON.parse(row.registration) as Uris]))
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
  }
}
