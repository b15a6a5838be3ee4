import type { ExpressionBuilder, Kysely, Selectable } from 'kysely'
import type { ApiSession, ApiSessionKind, ApiSessionRules } from '../domain/api-session.ts'
import type { House } from '../domain/licence-slots.ts'
import type { Schema } from './schema.ts'

/** What decides on the life of a session: the rules, and the time in milliseconds since 1970. */
export interface Moment {
  readonly rules: ApiSessionRules
  readonly now: number
}

/** Whose session it is: of an app that acts as a user, under the epochs of both. */
export type Holder = Pick<ApiSession, 'applicationUri' | 'userId' | 'appEpoch' | 'userEpoch'>

/** Whose sessions are meant; everybody's where nothing is said. */
export type ApiSessionFilter = Partial<Pick<ApiSession, 'applicationUri' | 'userId'>>

const toSession = (row: Selectable<Schema['api_sessions']>): ApiSession => ({
  id: row.id,
  kind: row.kind as ApiSessionKind,
  applicationUri: row.application_uri,
  userId: row.user_id,
  appEpoch: row.app_epoch,
  userEpoch: row.user_epoch,
  openedAt: row.opened_at,
  lastSeenAt: row.last_seen_at,
})

/** Whether a session lives: it was neither ended nor left alone for too long, and no kill switch was thrown since. */
const isLive =
  ({ rules, now }: Moment) =>
  (eb: ExpressionBuilder<Schema, 'api_sessions'>) =>
    eb.and([
      eb('api_sessions.ended_at', 'is', null),
      eb('api_sessions.last_seen_at', '>', now - rules.idle),
      eb.or([
        eb('api_sessions.kind', '<>', 'service' satisfies ApiSessionKind),
        eb('api_sessions.opened_at', '>', now - rules.serviceLength),
      ]),
      eb.exists(
        eb
          .selectFrom('trusted_applications as app')
          .select('app.epoch')
          .whereRef('app.application_uri', '=', 'api_sessions.application_uri')
          .whereRef('app.epoch', '=', 'api_sessions.app_epoch')
          .where('app.is_enabled', '=', 1),
      ),
      eb.exists(
        eb
          .selectFrom('users as holder')
          .select('holder.epoch')
          .whereRef('holder.id', '=', 'api_sessions.user_id')
          .whereRef('holder.epoch', '=', 'api_sessions.user_epoch')
          .where('holder.is_enabled', '=', 1),
      ),
    ])

export type ApiSessions = ReturnType<typeof apiSessionsOn>

/** API sessions: each occupies a licence slot for as long as it lives. */
export function apiSessionsOn(db: Kysely<Schema>) {
  const live = (moment: Moment) => db.selectFrom('api_sessions').selectAll().where(isLive(moment))

  return {
    /** The live session of an app that acts as a user. */
    async findLive({ applicationUri, userId }: Holder, moment: Moment): Promise<ApiSession | undefined> {
      const row = await live(moment)
        .where('api_sessions.user_id', '=', userId)
        .where('api_sessions.application_uri', '=', applicationUri)
        .executeTakeFirst()
      return row && toSession(row)
    },

    /** The live ones among these. */
    async findLiveByIds(ids: readonly string[], moment: Moment): Promise<ApiSession[]> {
      if (ids.length === 0) return []
      return (await live(moment).where('api_sessions.id', 'in', ids).execute()).map(toSession)
    },

    /** A session, over or not. */
    async find(id: string): Promise<ApiSession | undefined> {
      const row = await db.selectFrom('api_sessions').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toSession(row)
    },

    /** Every live session, the oldest first. */
    async listLive({ applicationUri, userId }: ApiSessionFilter, moment: Moment): Promise<ApiSession[]> {
      const rows = await live(moment)
        .$if(applicationUri !== undefined, (query) =>
          query.where('api_sessions.application_uri', '=', applicationUri ?? ''),
        )
        .$if(userId !== undefined, (query) => query.where('api_sessions.user_id', '=', userId ?? ''))
        .orderBy('api_sessions.opened_at')
        .orderBy('api_sessions.id')
        .execute()
      return rows.map(toSession)
    },

    /** How many live, for whom a slot is kept, and who is the next to go. */
    async lookAround(moment: Moment): Promise<House> {
      const counted = await db
        .selectFrom('api_sessions')
        .select((eb) => [
          eb.fn.countAll().as('live'),
          eb.fn.min('api_sessions.last_seen_at').as('longestUnused'),
          eb.fn
            .min(eb.case().when('api_sessions.kind', '=', 'service').then(eb.ref('api_sessions.opened_at')).end())
            .as('oldestService'),
        ])
        .where(isLive(moment))
        .executeTakeFirst()
      const awaited = await db
        .selectFrom('reserved_users')
        .innerJoin('users', 'users.id', 'reserved_users.user_id')
        .select('users.id')
        .where('users.is_enabled', '=', 1)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('api_sessions')
                .select('api_sessions.id')
                .whereRef('api_sessions.user_id', '=', 'users.id')
                .where(isLive(moment)),
            ),
          ),
        )
        .execute()
      return {
        live: Number(counted?.live ?? 0),
        longestUnused: counted?.longestUnused ?? undefined,
        oldestService: counted?.oldestService ?? undefined,
        awaited: awaited.map(({ id }) => id),
      }
    },

    async add(session: ApiSession): Promise<void> {
      await db
        .insertInto('api_sessions')
        .values({
          id: session.id,
          kind: session.kind,
          application_uri: session.applicationUri,
          user_id: session.userId,
          app_epoch: session.appEpoch,
          user_epoch: session.userEpoch,
          opened_at: session.openedAt,
          last_seen_at: session.lastSeenAt,
          ended_at: null,
        })
        .execute()
    },

    /**
     * Notes that sessions were used; one that is over by now stays over.
     * @param at when they were used; a later use that is known already counts
     * @returns the ids of those that live
     */
    async touch(ids: readonly string[], at: number, moment: Moment): Promise<string[]> {
      const touched = await db
        .updateTable('api_sessions')
        .set((eb) => ({
          last_seen_at: eb
            .case()
            .when('api_sessions.last_seen_at', '<', at)
            .then(at)
            .else(eb.ref('api_sessions.last_seen_at'))
            .end(),
        }))
        .where('api_sessions.id', 'in', ids)
        .where(isLive(moment))
        .returning('api_sessions.id')
        .execute()
      return touched.map(({ id }) => id)
    },

    /**
     * Writes down that what is over is over, before somebody else takes its slot: a touch on its way, a clock that lags
     * behind or a longer idle time revives none of it then.
     */
    async endOver(moment: Moment): Promise<void> {
      await db
        .updateTable('api_sessions')
        .set({ ended_at: moment.now })
        .where('api_sessions.ended_at', 'is', null)
        .where((eb) => eb.not(isLive(moment)(eb)))
        .execute()
    },

    /** Ends a session at once. @returns false when it was ended before */
    async end(id: string, now: number): Promise<boolean> {
      const ended = await db
        .updateTable('api_sessions')
        .set({ ended_at: now })
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .executeTakeFirst()
      return ended.numUpdatedRows === 1n
    },

    /** Ends every session of a user, or those of one app. */
    async endAllOf({ applicationUri, userId }: ApiSessionFilter & { readonly userId: string }, now: number) {
      await db
        .updateTable('api_sessions')
        .set({ ended_at: now })
        .where('user_id', '=', userId)
        .$if(applicationUri !== undefined, (query) => query.where('application_uri', '=', applicationUri ?? ''))
        .where('ended_at', 'is', null)
        .execute()
    },
  }
}
