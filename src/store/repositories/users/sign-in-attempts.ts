import type { Kysely, Selectable } from 'kysely'
import {
  type AttemptLimit,
  type Attempts,
  countAttempt,
  forgettableFrom,
  type Turn,
} from '../../../domain/sessions/sign-in-attempts.ts'
import { DAY } from '../../../lib/time/clock.ts'
import type { Schema } from '../../schema/schema.ts'
import { inPortions } from '../instance/names.ts'

// A count that has no end of its own ends with the account, or when nobody has tried for so long.
const COUNT_KEPT = 365 * DAY

/** Whose attempts are counted; with the user they are forgotten together. */
export interface AttemptsOf {
  readonly key: string
  readonly user: string | undefined
  readonly limit: AttemptLimit
}

const toAttempts = (row: Selectable<Schema['sign_in_attempts']>): Attempts => ({
  since: row.since,
  count: row.count,
  locks: row.locks,
  lockedUntil: row.locked_until,
  consecutive: row.consecutive,
})

export type SignInAttempts = ReturnType<typeof signInAttemptsOn>

/** Attempts to sign in that have not succeeded, and what else is counted per network or app. */
export function signInAttemptsOn(db: Kysely<Schema>) {
  async function find(key: string): Promise<Attempts | undefined> {
    const row = await db.selectFrom('sign_in_attempts').selectAll().where('key', '=', key).executeTakeFirst()
    return row && toAttempts(row)
  }

  return {
    find,

    /** Counts one more attempt, if there may be one; of attempts at once, each is counted. */
    async take({ key, user, limit }: AttemptsOf, now: number): Promise<Turn> {
      for (;;) {
        const before = await find(key)
        const turn = countAttempt(limit, before, now)
        if (!turn.admitted) return turn
        const { since, count, locks, lockedUntil, consecutive } = turn.after
        const kept = limit.consecutive === undefined ? 0 : now + COUNT_KEPT
        const columns = {
          // Whoever was removed meanwhile is nobody.
          user_id: user === undefined ? null : db.selectFrom('users').select('id').where('id', '=', user),
          since,
          count,
          locks,
          locked_until: lockedUntil,
          consecutive,
          expires_at: Math.max(kept, forgettableFrom(limit, turn.after)),
        }
        const { numInsertedOrUpdatedRows: stored } = await db
          .insertInto('sign_in_attempts')
          .values({ key, ...columns })
          .onConflict((conflict) =>
            conflict
              .column('key')
              .doUpdateSet(columns)
              .where('sign_in_attempts.consecutive', '=', before?.consecutive ?? -1)
              .where('sign_in_attempts.since', '=', before?.since ?? -1)
              .where('sign_in_attempts.count', '=', before?.count ?? -1),
          )
          .executeTakeFirst()
        if (stored === 1n) return turn
      }
    },

    /** Takes one attempt back that turned out to be none. */
    async giveBack(key: string): Promise<void> {
      await db
        .updateTable('sign_in_attempts')
        .set((eb) => ({ count: eb('count', '-', 1) }))
        .where('key', '=', key)
        .where('count', '>', 0)
        .execute()
    },

    /** Forgets what was counted against an account: by any name, as a whole and on its devices. @returns how many counts there were */
    async forgetUser(userId: string): Promise<number> {
      const { numDeletedRows } = await db
        .deleteFrom('sign_in_attempts')
        .where('user_id', '=', userId)
        .executeTakeFirst()
      return Number(numDeletedRows)
    },

    /** The same for many. */
    async forgetUsers(userIds: readonly string[]): Promise<void> {
      await inPortions(userIds, async (some) => {
        await db.deleteFrom('sign_in_attempts').where('user_id', 'in', some).execute()
        return []
      })
    },
  }
}
