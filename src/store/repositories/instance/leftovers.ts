import type { Kysely } from 'kysely'
import type { Schema } from '../../schema/schema.ts'
import { removeRest } from './removals.ts'

/** Rows that nobody asks for any more, and the column that tells since when; of some only a column is forgotten. */
const LEFTOVERS = {
  trusted_applications: { key: 'application_uri', since: 'removed_at' },
  users: { key: 'id', since: 'removed_at' },
  refresh_answers: { table: 'refresh_tokens', key: 'digest', since: 'rotated_at', column: 'sealed_answer' },
  authorization_codes: { key: 'digest', since: 'expires_at' },
  client_assertions: { key: 'jti_digest', since: 'expires_at' },
  token_families: { key: 'family', since: 'expires_at' },
  revoked_access_tokens: { key: 'jti_digest', since: 'expires_at' },
  opaque_access_tokens: { key: 'digest', since: 'expires_at' },
  reference_tokens: { key: 'id', since: 'expires_at' },
  token_notices: { key: 'id', since: 'noticed_at' },
  api_sessions: { key: 'id', since: 'last_seen_at' },
  sign_in_sessions: { key: 'sid', since: 'created_at' },
  outbox: { key: 'id', since: 'created_at' },
  sign_in_attempts: { key: 'key', since: 'expires_at' },
  refusals: { key: 'id', since: 'refused_at' },
  audit_events: { key: 'id', since: 'happened_at' },
  signing_keys: { key: 'kid', since: 'retires_at' },
} as const

export type LeftoverKind = keyof typeof LEFTOVERS

interface LeftoverPlace {
  readonly table: Exclude<LeftoverKind, 'refresh_answers'>
  readonly key: string
  readonly since: string
  /** What is forgotten of the row, where the row stays. */
  readonly column?: string
}

const placeOf = (kind: LeftoverKind): LeftoverPlace => ({ table: kind, ...LEFTOVERS[kind] }) as LeftoverPlace

export type Leftovers = ReturnType<typeof leftoversOn>

/** What is over: every limit is checked when a row is read, so forgetting it only saves space. */
export function leftoversOn(db: Kysely<Schema>) {
  /** @returns the keys of the oldest rows, and since when the last of them is over */
  async function oldestRows(kind: LeftoverKind, before: number, limit: number) {
    const { key, since, table, column } = placeOf(kind)
    const rows = await db
      .selectFrom(table)
      .select((eb) => [eb.ref(key as never).as('key'), eb.ref(since as never).as('since')])
      .where(since as never, '<', before as never)
      .$if(column !== undefined, (query) => query.where(column as never, 'is not', null))
      .orderBy(since as never)
      .limit(limit)
      .execute()
    return { keys: rows.map((row) => String(row.key)), upTo: Number(rows.at(-1)?.since) }
  }

  /** A family that was refreshed for weeks has thousands of tokens, so they go in portions as well. */
  async function removeTokens(families: readonly string[], limit: number): Promise<number> {
    const portion = db.selectFrom('refresh_tokens').select('digest').where('family', 'in', families).limit(limit)
    const { numDeletedRows } = await db.deleteFrom('refresh_tokens').where('digest', 'in', portion).executeTakeFirst()
    return Number(numDeletedRows)
  }

  return {
    /**
     * Forgets the oldest of what was over before a time.
     * @param before milliseconds since 1970
     * @param limit the most rows to touch
     * @returns how many rows went
     */
    async remove(kind: LeftoverKind, before: number, limit: number): Promise<number> {
      if (kind === 'trusted_applications' || kind === 'users') return removeRest(db, kind, limit, before)
      const { keys, upTo } = await oldestRows(kind, before, limit)
      if (keys.length === 0) return 0
      const { table, column, key } = placeOf(kind)
      if (column !== undefined) {
        const forgotten = { [column]: null } as never
        await db
          .updateTable(table)
          .set(forgotten)
          .where(key as never, 'in', keys as never)
          .execute()
        return keys.length
      }
      const tokens = kind === 'token_families' ? await removeTokens(keys, limit) : 0
      if (tokens === limit) return tokens
      await db
        .deleteFrom(table)
        .where(key as never, 'in', keys as never)
        // No index begins with this key; that of the time finds the same rows.
        .$if(kind === 'client_assertions', (query) => query.where('expires_at' as never, '<=', upTo as never))
        .execute()
      return tokens + keys.length
    },

    /** Since when the oldest row there could be forgotten, milliseconds since 1970; nothing where there is no row. */
    async oldest(kind: LeftoverKind): Promise<number | undefined> {
      const { since, table, column } = placeOf(kind)
      const row = await db
        .selectFrom(table)
        .select((eb) => eb.ref(since as never).as('since'))
        .where(since as never, 'is not', null)
        .$if(column !== undefined, (query) => query.where(column as never, 'is not', null))
        .orderBy(since as never)
        .limit(1)
        .executeTakeFirst()
      return row === undefined ? undefined : Number(row.since)
    },
  }
}
