import type { Kysely, Selectable } from 'kysely'
import type { ApiSession, ApiSessionKind } from '../../../domain/sessions/api-session.ts'
import type { SlotUsage } from '../../../domain/sessions/licence-slots.ts'
import type { Schema } from '../../schema/schema.ts'
import { type AsOf, isLive } from './live-api-sessions.ts'
import { countUnended, readSlotUsage, surveySlotUsage } from './slot-usage.ts'

/** Whose session it is: of an app that acts as a user, under the epochs of both. */
export type Holder = Pick<ApiSession, 'applicationUri' | 'userId' | 'appEpoch' | 'userEpoch'>

/** Whose sessions are meant; everybody's where nothing is said. */
export type ApiSessionFilter = Partial<Pick<ApiSession, 'applicationUri' | 'userId'>>

// Asked for from the very beginning, too, so that it is the index in this order that is read.
const AFTER_ALL = { openedAt: Number.MAX_SAFE_INTEGER, id: '~' }

/** Which part of a list: what comes after a session, and how many of it. */
export interface ApiSessionPart {
  readonly after?: Pick<ApiSession, 'openedAt' | 'id'> | undefined
  readonly limit?: number
}

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

export type ApiSessions = ReturnType<typeof apiSessionsOn>

/** API sessions: each occupies a licence slot for as long as it lives. */
export function apiSessionsOn(db: Kysely<Schema>) {
  const live = (asOf: AsOf) => db.selectFrom('api_sessions').selectAll().where(isLive(asOf))

  return {
    usage: (asOf: AsOf): Promise<SlotUsage> => readSlotUsage(db, asOf),

    survey: (asOf: AsOf): Promise<SlotUsage> => surveySlotUsage(db, asOf),
    countUnended: (most: number): Promise<number> => countUnended(db, most),

    /** The live session of an app that acts as a user. */
    async findLive({ applicationUri, userId }: Holder, asOf: AsOf): Promise<ApiSession | undefined> {
      const row = await live(asOf)
        .where('api_sessions.user_id', '=', userId)
        .where('api_sessions.application_uri', '=', applicationUri)
        .executeTakeFirst()
      return row && toSession(row)
    },

    /** The live ones among these. */
    async findLiveByIds(ids: readonly string[], asOf: AsOf): Promise<ApiSession[]> {
      if (ids.length === 0) return []
      return (await live(asOf).where('api_sessions.id', 'in', ids).execute()).map(toSession)
    },

    /** A session, over or not. */
    async find(id: string): Promise<ApiSession | undefined> {
      const row = await db.selectFrom('api_sessions').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toSession(row)
    },

    /** Every live session, the newest first; a part of them where that is asked for. */
    async listLive(
      { applicationUri, userId }: ApiSessionFilter,
      asOf: AsOf,
      { after = AFTER_ALL, limit }: ApiSessionPart = {},
    ): Promise<ApiSession[]> {
      const rows = await live(asOf)
        .$if(applicationUri !== undefined, (query) =>
          query.where('api_sessions.application_uri', '=', applicationUri ?? ''),
        )
        .$if(userId !== undefined, (query) => query.where('api_sessions.user_id', '=', userId ?? ''))
        .where(({ eb, refTuple, tuple }) =>
          eb(
            refTuple('api_sessions.opened_at', 'api_sessions.id'),
            '<',
            tuple(eb.val(after.openedAt), eb.val(after.id)),
          ),
        )
        .orderBy('api_sessions.opened_at', 'desc')
        .orderBy('api_sessions.id', 'desc')
        .$if(limit !== undefined, (query) => query.limit(limit ?? 0))
        .execute()
      return rows.map(toSession)
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
    async touch(ids: readonly string[], at: number, asOf: AsOf): Promise<string[]> {
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
        .where(isLive(asOf))
        .returning('api_sessions.id')
        .execute()
      return touched.map(({ id }) => id)
    },

    /**
     * Writes down that what is over is over, before somebody else takes its slot: a touch on its way, a clock that lags
     * behind or a longer idle time revives none of it then.
     * @param filter everybody's unless told
     */
    async endOver(asOf: AsOf, { applicationUri, userId }: ApiSessionFilter = {}): Promise<void> {
      await db
        .updateTable('api_sessions')
        .set({ ended_at: asOf.now })
        .where('api_sessions.ended_at', 'is', null)
        .$if(applicationUri !== undefined, (query) => query.where('application_uri', '=', applicationUri ?? ''))
        .$if(userId !== undefined, (query) => query.where('user_id', '=', userId ?? ''))
        .where((eb) => eb.not(isLive(asOf)(eb)))
        .execute()
    },

    /**
     * The same for those that time alone has ended, the longest over first; an index knows them, so it is done again and again.
     * @param most rows
     */
    async endExpired({ rules, now }: AsOf, most: number): Promise<void> {
      const unended = () => db.selectFrom('api_sessions').select('id').where('ended_at', 'is', null)
      const unused = unended()
        .where('last_seen_at', '<=', now - rules.idle)
        .orderBy('last_seen_at')
        .limit(most)
      const tooLong = unended()
        .where('opened_at', '<=', now - rules.serviceLength)
        .where('kind', '=', 'service' satisfies ApiSessionKind)
        .orderBy('opened_at')
        .limit(most)
      for (const expired of [unused, tooLong])
        await db
          .updateTable('api_sessions')
          .set({ ended_at: now })
          .where('id', 'in', expired)
          .where('ended_at', 'is', null)
          // One that is used this very moment lives.
          .where((eb) => eb.not(isLive({ rules, now })(eb)))
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
