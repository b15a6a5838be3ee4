import { type Kysely, type Selectable, sql } from 'kysely'
import type { PageQuery } from '../../../domain/records/paging.ts'
import type { Schema } from '../../schema/schema.ts'

/** That an app is told of the end of a sign-in session, and how that went so far. Times are milliseconds since 1970. */
export interface LogoutDelivery {
  readonly id: string
  readonly applicationUri: string
  readonly userId: string | undefined
  readonly sid: string
  readonly createdAt: number
  readonly nextAttemptAt: number
  readonly attempts: number
  /** What the last attempt failed of. */
  readonly lastError: string | undefined
  readonly deliveredAt: number | undefined
  readonly givenUpAt: number | undefined
}

const toDelivery = (row: Selectable<Schema['logout_deliveries']>): LogoutDelivery => ({
  id: row.id,
  applicationUri: row.application_uri,
  userId: row.user_id ?? undefined,
  sid: row.sid,
  createdAt: row.created_at,
  nextAttemptAt: row.next_attempt_at,
  attempts: row.attempts,
  lastError: row.last_error ?? undefined,
  deliveredAt: row.delivered_at ?? undefined,
  givenUpAt: row.given_up_at ?? undefined,
})

export type LogoutDeliveries = ReturnType<typeof logoutDeliveriesOn>

/** The outbox of back-channel logout: what is in it survives whatever happens to a node. */
export function logoutDeliveriesOn(db: Kysely<Schema>) {
  const waiting = () =>
    db.selectFrom('logout_deliveries').where('delivered_at', 'is', null).where('given_up_at', 'is', null)
  const change = (id: string) => db.updateTable('logout_deliveries').where('id', '=', id)

  return {
    async find(id: string): Promise<LogoutDelivery | undefined> {
      const row = await db.selectFrom('logout_deliveries').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toDelivery(row)
    },

    /** What is due, the longest due first; a few of each app, so that one that does not answer holds nobody up. */
    async due(now: number, ofEachApp: number, limit: number): Promise<{ id: string; applicationUri: string }[]> {
      const ranked = waiting()
        .where('next_attempt_at', '<=', now)
        .select(['id', 'application_uri', 'next_attempt_at'])
        .select(sql<number>`row_number() over (partition by application_uri order by next_attempt_at, id)`.as('place'))
      const rows = await db
        .selectFrom(ranked.as('ranked'))
        .select(['id', 'application_uri'])
        .where('place', '<=', ofEachApp)
        .orderBy('next_attempt_at')
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map((row) => ({ id: row.id, applicationUri: row.application_uri }))
    },

    /**
     * Takes the next attempt: this one statement decides which node makes it. A node that dies over it leaves it to whoever comes
     * when the one after is due.
     * @param attempts how many were made before
     */
    async take(id: string, attempts: number, now: number, nextAttemptAt: number): Promise<boolean> {
      const { numUpdatedRows } = await change(id)
        .set({ attempts: attempts + 1, next_attempt_at: nextAttemptAt })
        .where('attempts', '=', attempts)
        .where('next_attempt_at', '<=', now)
        .where('delivered_at', 'is', null)
        .where('given_up_at', 'is', null)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async markDelivered(id: string, now: number): Promise<void> {
      await change(id).set({ delivered_at: now, given_up_at: null }).execute()
    },

    async markFailed(id: string, error: string): Promise<void> {
      await change(id).set({ last_error: error }).where('delivered_at', 'is', null).execute()
    },

    /** @returns false where that is decided already */
    async giveUp(id: string, error: string, now: number): Promise<boolean> {
      const { numUpdatedRows } = await change(id)
        .set({ last_error: error, given_up_at: now })
        .where('delivered_at', 'is', null)
        .where('given_up_at', 'is', null)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    /** Those of one app, the newest first. */
    async page(
      applicationUri: string,
      { after, limit }: Pick<PageQuery, 'after' | 'limit'>,
    ): Promise<LogoutDelivery[]> {
      const rows = await db
        .selectFrom('logout_deliveries')
        .selectAll()
        .where('application_uri', '=', applicationUri)
        .$if(after !== undefined, (query) => query.where('id', '<', after ?? ''))
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toDelivery)
    },

    /** How many apps are still to be told. */
    async countWaiting(): Promise<number> {
      const row = await waiting()
        .select((eb) => eb.fn.countAll<number | string>().as('count'))
        .executeTakeFirst()
      return Number(row?.count ?? 0)
    },
  }
}
