import type { Kysely } from 'kysely'
import type { SlotUsage } from '../../../domain/sessions/licence-slots.ts'
import type { Schema } from '../../schema/schema.ts'
import { type AsOf, isLive } from './live-api-sessions.ts'

/** How many live, for whom a slot is kept, and who is the next to go. */
export async function readSlotUsage(db: Kysely<Schema>, asOf: AsOf): Promise<SlotUsage> {
  const counted = await db
    .selectFrom('api_sessions')
    .select((eb) => [
      eb.fn.countAll().as('live'),
      eb.fn.min('api_sessions.last_seen_at').as('longestUnused'),
      eb.fn
        .min(eb.case().when('api_sessions.kind', '=', 'service').then(eb.ref('api_sessions.opened_at')).end())
        .as('oldestService'),
    ])
    .where(isLive(asOf))
    .executeTakeFirst()
  // Whoever is reserved is looked up, for they are few, and users are many.
  const reservedAbsent = await db
    .selectFrom('reserved_users')
    .select('reserved_users.user_id as id')
    .where(({ and, not, exists, selectFrom }) =>
      and([
        exists(
          selectFrom('users')
            .select('users.id')
            .whereRef('users.id', '=', 'reserved_users.user_id')
            .where('users.is_enabled', '=', 1),
        ),
        not(
          exists(
            selectFrom('api_sessions')
              .select('api_sessions.id')
              .whereRef('api_sessions.user_id', '=', 'reserved_users.user_id')
              .where(isLive(asOf)),
          ),
        ),
      ]),
    )
    .execute()
  return {
    live: Number(counted?.live ?? 0),
    longestUnused: counted?.longestUnused ?? undefined,
    oldestService: counted?.oldestService ?? undefined,
    reservedAbsent: reservedAbsent.map(({ id }) => id),
  }
}

/** How many have not been ended, which are all that live and some more. @param most where counting stops */
export async function countUnended(db: Kysely<Schema>, most: number): Promise<number> {
  const some = db.selectFrom('api_sessions').select('id').where('ended_at', 'is', null).limit(most)
  const row = await db
    .selectFrom(some.as('some'))
    .select((eb) => eb.fn.countAll().as('count'))
    .executeTakeFirst()
  return Number(row?.count ?? 0)
}
