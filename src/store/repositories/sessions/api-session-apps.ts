import type { Kysely } from 'kysely'
import type { ApiSession, ApiSessionApp } from '../../../domain/sessions/api-session.ts'
import type { Schema } from '../../schema/schema.ts'
import { inPortions } from '../instance/names.ts'
import { mayStillCall } from './live-api-sessions.ts'

/** Which apps call within API sessions. */
export function apiSessionAppsOn(db: Kysely<Schema>) {
  return {
    /** Whether an app is known to call within a session, under these epochs. */
    async hasApp(sessionId: string, { applicationUri, appEpoch, sessionEpoch }: ApiSessionApp): Promise<boolean> {
      const row = await db
        .selectFrom('api_session_apps')
        .select('session_id')
        .where('session_id', '=', sessionId)
        .where('application_uri', '=', applicationUri)
        .where('app_epoch', '=', appEpoch)
        .where('session_epoch', '=', sessionEpoch)
        .executeTakeFirst()
      return row !== undefined
    },

    /** Notes that an app calls within a session, under the epochs that hold now. @param now milliseconds since 1970 */
    async addApp(
      { id, openedAt }: Pick<ApiSession, 'id' | 'openedAt'>,
      { applicationUri, appEpoch, sessionEpoch }: ApiSessionApp,
      now: number,
    ): Promise<void> {
      const epochs = { app_epoch: appEpoch, session_epoch: sessionEpoch }
      await db
        .insertInto('api_session_apps')
        .values({ session_id: id, application_uri: applicationUri, ...epochs, opened_at: openedAt, joined_at: now })
        .onConflict((conflict) => conflict.columns(['session_id', 'application_uri']).doUpdateSet(epochs))
        .execute()
    },

    /** The apps of sessions that may still call, by the id of the session; the one that opened it first. */
    async appsOf(ids: readonly string[]): Promise<Map<string, string[]>> {
      const rows = await inPortions(ids, (some) =>
        db
          .selectFrom('api_session_apps as part')
          .innerJoin('api_sessions', 'api_sessions.id', 'part.session_id')
          .select(['part.session_id', 'part.application_uri', 'part.joined_at'])
          .where('part.session_id', 'in', some)
          .where(mayStillCall)
          .execute(),
      )
      const sorted = rows.toSorted(
        (a, b) => a.joined_at - b.joined_at || (a.application_uri < b.application_uri ? -1 : 1),
      )
      return groupApps(sorted)
    },
  }
}

function groupApps(
  rows: readonly { readonly session_id: string; readonly application_uri: string }[],
): Map<string, string[]> {
  const apps = new Map<string, string[]>()
  for (const row of rows) apps.set(row.session_id, [...(apps.get(row.session_id) ?? []), row.application_uri])
  return apps
}
