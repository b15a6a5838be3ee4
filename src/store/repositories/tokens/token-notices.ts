import type { Kysely } from 'kysely'
import { newOrderedId } from '../../../lib/crypto/secrets.ts'
import type { Schema } from '../../schema/schema.ts'

/** Whose tokens may have ended before they expire: those of an app, of a user, of a user at an app; or everybody's. */
export interface Concerned {
  readonly app?: string | undefined
  /** The id of whom the tokens act as. */
  readonly user?: string | undefined
}

/** Tells APIs that check tokens by themselves to ask about these again. */
export interface TokenNotice extends Concerned {
  readonly id: string
  /** Milliseconds since 1970; tokens issued later are not concerned. */
  readonly at: number
}

/** Notes it in the very unit of work that ends the tokens. @param now milliseconds since 1970 */
export const noteEnding = (db: Kysely<Schema>, concerned: Concerned, now: number): Promise<void> =>
  noteEndings(db, [concerned], now)

/** @see noteEnding */
export async function noteEndings(db: Kysely<Schema>, concerned: readonly Concerned[], now: number): Promise<void> {
  if (concerned.length > 0) await db.insertInto('token_notices').values(noticeRows(concerned, now)).execute()
}

/** The rows of notices. @param now milliseconds since 1970 */
export const noticeRows = (concerned: readonly Concerned[], now: number) =>
  concerned.map(({ app, user }) => ({
    id: newOrderedId(now),
    noticed_at: now,
    application_uri: app ?? null,
    user_id: user ?? null,
  }))

export type TokenNotices = ReturnType<typeof tokenNoticesOn>

/** What APIs that check tokens by themselves must hear of. */
export function tokenNoticesOn(db: Kysely<Schema>) {
  return {
    add: (concerned: Concerned, now: number): Promise<void> => noteEnding(db, concerned, now),

    /** The next notices, the oldest first. @param from milliseconds since 1970 */
    async since(from: number, limit: number, after = ''): Promise<TokenNotice[]> {
      const rows = await db
        .selectFrom('token_notices')
        .selectAll()
        .where('noticed_at', '>=', from)
        .where((eb) => eb.or([eb('noticed_at', '>', from), eb('id', '>', after)]))
        .orderBy('noticed_at')
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map((row) => ({
        id: row.id,
        at: row.noticed_at,
        app: row.application_uri ?? undefined,
        user: row.user_id ?? undefined,
      }))
    },
  }
}
