import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { SlotUsage } from '../../../domain/sessions/licence-slots.ts'
import type { Schema } from '../../schema/schema.ts'
import { type AsOf, isLive } from './live-api-sessions.ts'

// With the apps, the user and the epochs of each it is six times as many rows.
const SURVEYED_AT_ONCE = 150

/** How many live, for whom a slot is kept, and who is the next to go: in one look, for whoever decides by it. */
export async function readSlotUsage(db: Kysely<Schema>, asOf: AsOf): Promise<SlotUsage> {
  return { ...(await countLive(db, asOf, {})), reservedAbsent: await reservedAbsent(db, asOf) }
}

/** The same for whoever shows it: slice by slice, so that it holds nobody up; what moves meanwhile may be counted twice. */
export async function surveySlotUsage(db: Kysely<Schema>, asOf: AsOf): Promise<SlotUsage> {
  const parts: Counted[] = []
  // Who was not seen for that long does not live.
  for (let after = asOf.now - asOf.rules.idle; ; await nextTurn()) {
    const upTo = await endOfSlice(db, after)
    parts.push(await countLive(db, asOf, { after, upTo }))
    if (upTo === undefined) break
    after = upTo
  }
  const least = (times: readonly (number | undefined)[]): number | undefined =>
    times.filter((time) => time !== undefined).sort((a, b) => a - b)[0]
  return {
    live: parts.reduce((sum, { live }) => sum + live, 0),
    longestUnused: least(parts.map(({ longestUnused }) => longestUnused)),
    oldestService: least(parts.map(({ oldestService }) => oldestService)),
    reservedAbsent: await reservedAbsent(db, asOf),
  }
}

type Counted = Omit<SlotUsage, 'reservedAbsent'>

/** When the last session of the next slice was used, or nothing where less than a slice is left. */
async function endOfSlice(db: Kysely<Schema>, after: number): Promise<number | undefined> {
  const last = await db
    .selectFrom('api_sessions')
    .select('last_seen_at')
    .where('ended_at', 'is', null)
    .where('last_seen_at', '>', after)
    .orderBy('last_seen_at')
    .offset(SURVEYED_AT_ONCE - 1)
    .limit(1)
    .executeTakeFirst()
  return last?.last_seen_at
}

interface Slice {
  readonly after?: number
  readonly upTo?: number | undefined
}

async function countLive(db: Kysely<Schema>, asOf: AsOf, { after, upTo }: Slice): Promise<Counted> {
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
    .$if(after !== undefined, (query) => query.where('api_sessions.last_seen_at', '>', after ?? 0))
    .$if(upTo !== undefined, (query) => query.where('api_sessions.last_seen_at', '<=', upTo ?? 0))
    .executeTakeFirst()
  return {
    live: Number(counted?.live ?? 0),
    longestUnused: counted?.longestUnused ?? undefined,
    oldestService: counted?.oldestService ?? undefined,
  }
}

/** Whoever is reserved is looked up, for they are few, and users are many. */
async function reservedAbsent(db: Kysely<Schema>, asOf: AsOf): Promise<string[]> {
  const rows = await db
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
  return rows.map(({ id }) => id)
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
