import { type Kysely, type Selectable, sql } from 'kysely'
import type { Delivery, NewDelivery } from '../../../domain/outbox/delivery.ts'
import type { PageQuery } from '../../../domain/records/paging.ts'
import { newOrderedId } from '../../../lib/crypto/secrets.ts'
import type { Schema } from '../../schema/schema.ts'

/** What a row says is sent; nothing where it is damaged. */
function readPayload(json: string): object | undefined {
  try {
    const payload: unknown = JSON.parse(json)
    return typeof payload === 'object' && payload !== null && !Array.isArray(payload) ? payload : undefined
  } catch {
    return undefined
  }
}

const toDelivery = (row: Selectable<Schema['outbox']>): Delivery => ({
  id: row.id,
  kind: row.kind,
  destination: row.destination,
  payload: readPayload(row.payload),
  createdAt: row.created_at,
  nextAttemptAt: row.next_attempt_at,
  expiresAt: row.expires_at ?? undefined,
  attempts: row.attempts,
  lastError: row.last_error ?? undefined,
  deliveredAt: row.delivered_at ?? undefined,
  givenUpAt: row.given_up_at ?? undefined,
})

const toRow = ({ kind, destination, payload, expiresAt }: NewDelivery, now: number): Selectable<Schema['outbox']> => ({
  id: newOrderedId(now),
  kind,
  destination,
  payload: JSON.stringify(payload),
  created_at: now,
  next_attempt_at: now,
  expires_at: expiresAt ?? null,
  attempts: 0,
  last_error: null,
  delivered_at: null,
  given_up_at: null,
})

// Rows; a statement holds so many values and no more.
const AT_ONCE = 500

export type Outbox = ReturnType<typeof outboxOn>

/** What is to be sent elsewhere: what is in it survives whatever happens to a node. */
export function outboxOn(db: Kysely<Schema>) {
  const waiting = (kind: string) =>
    db.selectFrom('outbox').where('kind', '=', kind).where('delivered_at', 'is', null).where('given_up_at', 'is', null)
  const change = (id: string) => db.updateTable('outbox').where('id', '=', id)

  return {
    /**
     * Puts it in with whatever else the unit of work does, or not at all.
     * @param now milliseconds since 1970
     * @returns the ids, in the same order
     */
    async add(deliveries: readonly NewDelivery[], now: number): Promise<string[]> {
      const rows = deliveries.map((each) => toRow(each, now))
      for (let from = 0; from < rows.length; from += AT_ONCE)
        await db
          .insertInto('outbox')
          .values(rows.slice(from, from + AT_ONCE))
          .execute()
      return rows.map(({ id }) => id)
    },

    async find(id: string): Promise<Delivery | undefined> {
      const row = await db.selectFrom('outbox').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toDelivery(row)
    },

    /** What is due of a kind, the longest due first; a few to each destination, so that one that does not answer holds nobody up. */
    async due(
      kind: string,
      now: number,
      toEach: number,
      limit: number,
    ): Promise<Pick<Delivery, 'id' | 'destination'>[]> {
      const ranked = waiting(kind)
        .where('next_attempt_at', '<=', now)
        // What was for an app that is being removed goes with it.
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('trusted_applications as gone')
                .select('gone.epoch')
                .whereRef('gone.application_uri', '=', 'outbox.destination')
                .where('gone.removed_at', 'is not', null),
            ),
          ),
        )
        .select(['id', 'destination', 'next_attempt_at'])
        .select(sql<number>`row_number() over (partition by destination order by next_attempt_at, id)`.as('place'))
      const rows = await db
        .selectFrom(ranked.as('ranked'))
        .select(['id', 'destination'])
        .where('place', '<=', toEach)
        .orderBy('next_attempt_at')
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(({ id, destination }) => ({ id, destination }))
    },

    /**
     * Claims the next attempt: this one statement decides which node makes it. A node that dies over it leaves it to whoever comes
     * when the one after is due.
     * @param attempts how many were made before
     */
    async claim(id: string, attempts: number, now: number, nextAttemptAt: number): Promise<boolean> {
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

    /** Those of a kind to one destination, the newest first. */
    async page(
      kind: string,
      destination: string,
      { after, limit }: Pick<PageQuery, 'after' | 'limit'>,
    ): Promise<Delivery[]> {
      const rows = await db
        .selectFrom('outbox')
        .selectAll()
        .where('kind', '=', kind)
        .where('destination', '=', destination)
        .$if(after !== undefined, (query) => query.where('id', '<', after ?? ''))
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toDelivery)
    },

    /** How much of a kind is still to be sent. */
    async countWaiting(kind: string): Promise<number> {
      const row = await waiting(kind)
        .select((eb) => eb.fn.countAll<number | string>().as('count'))
        .executeTakeFirst()
      return Number(row?.count ?? 0)
    },

    /** Removes what is of a kind to destinations that are gone themselves. */
    async forget(kind: string, destinations: readonly string[]): Promise<void> {
      if (destinations.length === 0) return
      await db.deleteFrom('outbox').where('kind', '=', kind).where('destination', 'in', destinations).execute()
    },
  }
}
