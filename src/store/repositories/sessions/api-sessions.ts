import { type ExpressionBuilder, type Kysely, type Selectable, type SqlBool, sql } from 'kysely'
import type { ApiSession, ApiSessionKind } from '../../../domain/sessions/api-session.ts'
import type { SlotUsage } from '../../../domain/sessions/licence-slots.ts'
import { type Seat, SIGN_IN_SEAT } from '../../../domain/sessions/seat.ts'
import type { Schema } from '../../schema/schema.ts'
import { apiSessionAppsOn } from './api-session-apps.ts'
import { type AsOf, isLive, mayStillCall } from './live-api-sessions.ts'
import { countUnended, readSlotUsage, surveySlotUsage } from './slot-usage.ts'

/** Whose sessions are meant; everybody's where nothing is said. */
export interface ApiSessionFilter {
  readonly userId?: string | undefined
  /** An app that calls within them. */
  readonly applicationUri?: string | undefined
}

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
  seat: row.seat,
  userId: row.user_id,
  userEpoch: row.user_epoch,
  openedAt: row.opened_at,
  lastSeenAt: row.last_seen_at,
})

/** Whether an app may still call within a session. */
const isOfApp = (applicationUri: string) => (eb: ExpressionBuilder<Schema, 'api_sessions'>) =>
  eb.exists(
    eb
      .selectFrom('api_session_apps as part')
      .select('part.app_epoch')
      .whereRef('part.session_id', '=', 'api_sessions.id')
      .where('part.application_uri', '=', applicationUri)
      .where(mayStillCall),
  )

export type ApiSessions = ReturnType<typeof apiSessionsOn>

/** API sessions: each occupies a licence slot for as long as it lives. */
export function apiSessionsOn(db: Kysely<Schema>) {
  const live = (asOf: AsOf) => db.selectFrom('api_sessions').selectAll('api_sessions').where(isLive(asOf))
  const ended = (now: number) => ({ ended_at: now, live_seat: null })

  return {
    ...apiSessionAppsOn(db),

    usage: (asOf: AsOf): Promise<SlotUsage> => readSlotUsage(db, asOf),

    survey: (asOf: AsOf): Promise<SlotUsage> => surveySlotUsage(db, asOf),
    countUnended: (most: number): Promise<number> => countUnended(db, most),

    /** The live session of a seat. */
    async findLive(seat: Seat, asOf: AsOf): Promise<ApiSession | undefined> {
      const row = await live(asOf).where('api_sessions.live_seat', '=', seat).executeTakeFirst()
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
      const app = applicationUri ?? ''
      // Those of an app are read in the order of its own index; those of a user, who has few, in that of the user.
      const byApp = applicationUri !== undefined && userId === undefined
      const openedAt = byApp ? sql<number>`part.opened_at` : sql<number>`api_sessions.opened_at`
      const id = byApp ? sql<string>`part.session_id` : sql<string>`api_sessions.id`
      const rows = await live(asOf)
        .$if(byApp, (query) =>
          query
            .innerJoin('api_session_apps as part', 'part.session_id', 'api_sessions.id')
            .where('part.application_uri', '=', app)
            .where(mayStillCall),
        )
        .$if(userId !== undefined, (query) => query.where('api_sessions.user_id', '=', userId ?? ''))
        .$if(!byApp && applicationUri !== undefined, (query) => query.where(isOfApp(app)))
        .where(sql<SqlBool>`(${openedAt}, ${id}) < (${after.openedAt}, ${after.id})`)
        .orderBy(sql`${openedAt}`, 'desc')
        .orderBy(sql`${id}`, 'desc')
        .$if(limit !== undefined, (query) => query.limit(limit ?? 0))
        .execute()
      return rows.map(toSession)
    },

    /** Takes a seat. @returns false when somebody else has it already: its unique key decides */
    async add(session: ApiSession): Promise<boolean> {
      const added = await db
        .insertInto('api_sessions')
        .values({
          id: session.id,
          kind: session.kind,
          user_id: session.userId,
          user_epoch: session.userEpoch,
          seat: session.seat,
          live_seat: session.seat,
          opened_at: session.openedAt,
          last_seen_at: session.lastSeenAt,
          ended_at: null,
        })
        .onConflict((conflict) => conflict.column('live_seat').doNothing())
        .executeTakeFirst()
      return added.numInsertedOrUpdatedRows === 1n
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
     * @param seat everybody's unless told
     */
    async endOver(asOf: AsOf, seat?: Seat): Promise<void> {
      await db
        .updateTable('api_sessions')
        .set(ended(asOf.now))
        .where('api_sessions.ended_at', 'is', null)
        .$if(seat !== undefined, (query) => query.where('live_seat', '=', seat ?? ''))
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
          .set(ended(now))
          .where('id', 'in', expired)
          .where('ended_at', 'is', null)
          // One that is used this very moment lives.
          .where((eb) => eb.not(isLive({ rules, now })(eb)))
          .execute()
    },

    /** Ends a session at once. @returns false when it was ended before */
    async end(id: string, now: number): Promise<boolean> {
      const row = await db
        .updateTable('api_sessions')
        .set(ended(now))
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .executeTakeFirst()
      return row.numUpdatedRows === 1n
    },

    /** Ends the session of a seat. @returns false when there is none */
    async endOfSeat(seat: Seat, now: number): Promise<boolean> {
      const row = await db.updateTable('api_sessions').set(ended(now)).where('live_seat', '=', seat).executeTakeFirst()
      return row.numUpdatedRows > 0n
    },

    /** Ends the session of each sign-in of a user that has ended; those of PATs go on. @returns the `sid`s */
    async endOfSignInsOf(userId: string, now: number): Promise<string[]> {
      const rows = await db
        .updateTable('api_sessions')
        .set(ended(now))
        .where('user_id', '=', userId)
        .where('ended_at', 'is', null)
        .where(sql<SqlBool>`substr(seat, 1, ${SIGN_IN_SEAT.length}) = ${SIGN_IN_SEAT}`)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('sign_in_sessions as open')
                .select('open.sid')
                .where('open.sid', '=', sql<string>`substr(api_sessions.seat, ${SIGN_IN_SEAT.length + 1})`)
                .where('open.ended_at', 'is', null),
            ),
          ),
        )
        .returning('seat')
        .execute()
      return rows.map(({ seat }) => seat.slice(SIGN_IN_SEAT.length))
    },

    /** Ends every session of a user. */
    async endAllOf(userId: string, now: number): Promise<void> {
      await db
        .updateTable('api_sessions')
        .set(ended(now))
        .where('user_id', '=', userId)
        .where('ended_at', 'is', null)
        .execute()
    },
  }
}
