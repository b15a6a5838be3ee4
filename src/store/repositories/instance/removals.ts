import { type Kysely, type RawBuilder, sql } from 'kysely'
import { LOGOUT_NOTICE } from '../../../domain/outbox/logout-notice.ts'
import type { Schema } from '../../schema/schema.ts'
import { noteSignOut } from '../sessions/session-apps.ts'
import { inPortions } from './names.ts'

/** Records that can have been granted more than one unit of work removes. */
export type Owner = 'trusted_applications' | 'users'

const KEYS = { trusted_applications: 'application_uri', users: 'id' } as const

interface Owned {
  readonly table: keyof Schema
  /** The column that names the owner. */
  readonly of: string
  /** What tells its rows apart. */
  readonly key: string
  /** Where the key alone is no row of one owner. */
  readonly within?: true
  /** Of which kind of delivery, where the table has several. */
  readonly kind?: string
}

const ofUser = { of: 'user_id', within: true } as const
const ofApp = { of: 'application_uri', within: true } as const

/** What of them there can be much of, and goes bit by bit; the rest goes with the record. */
const OWNED: Readonly<Record<Owner, readonly Owned[]>> = {
  trusted_applications: [
    { table: 'consents', key: 'user_id', ...ofApp },
    { table: 'authorization_codes', key: 'digest', of: 'application_uri' },
    { table: 'token_families', key: 'family', of: 'application_uri' },
    { table: 'reference_tokens', key: 'id', of: 'application_uri' },
    { table: 'api_session_apps', key: 'session_id', ...ofApp },
    { table: 'session_epochs', key: 'user_id', ...ofApp },
    { table: 'session_apps', key: 'sid', ...ofApp },
    { table: 'outbox', key: 'id', of: 'destination', kind: LOGOUT_NOTICE.name },
  ],
  users: [
    { table: 'consents', key: 'application_uri', ...ofUser },
    { table: 'authorization_codes', key: 'digest', of: 'user_id' },
    { table: 'token_families', key: 'family', of: 'user_id' },
    { table: 'reference_tokens', key: 'id', of: 'user_id' },
    { table: 'api_sessions', key: 'id', of: 'user_id' },
    { table: 'session_epochs', key: 'application_uri', ...ofUser },
    { table: 'session_apps', key: 'sid', of: 'user_id' },
    { table: 'sign_in_sessions', key: 'sid', of: 'user_id' },
    { table: 'sign_in_attempts', key: 'key', of: 'user_id' },
  ],
}

// Rows of a kind that go at once with a record, in a moment that nobody notices.
export const FEW = 250

/** Whether there is more of these than goes at once. */
async function ownMuch(db: Kysely<Schema>, owner: Owner, ids: readonly string[]): Promise<boolean> {
  const beyond = async (rows: RawBuilder<unknown>): Promise<boolean> =>
    (await sql`select 1 as one ${rows} limit 1 offset ${FEW}`.execute(db)).rows.length > 0
  for (const { table, of, kind } of OWNED[owner]) {
    const ofKind = kind === undefined ? sql`` : sql`and owned.kind = ${kind}`
    const these = sql`${sql.ref(`owned.${of}`)} in (${sql.join(ids)}) ${ofKind}`
    if (await beyond(sql`from ${sql.table(table)} as owned where ${these}`)) return true
    const tokens = sql`join refresh_tokens as token on token.family = owned.family`
    if (table === 'token_families' && (await beyond(sql`from token_families as owned ${tokens} where ${these}`)))
      return true
  }
  return false
}

/** Those among some that have been granted too much to be removed at once. */
export async function thoseWithMuch(db: Kysely<Schema>, owner: Owner, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0 || !(await ownMuch(db, owner, ids))) return []
  if (ids.length === 1) return [...ids]
  const half = ids.length >> 1
  return [...(await thoseWithMuch(db, owner, ids.slice(0, half))), ...(await thoseWithMuch(db, owner, ids.slice(half)))]
}

/** Those among some that were removed, and still have something that is being cleaned up. */
export async function beingRemoved(db: Kysely<Schema>, owner: Owner, ids: Iterable<string>): Promise<Set<string>> {
  const key = KEYS[owner] as 'id'
  const found = await inPortions(ids, (some) =>
    db
      .selectFrom(owner as 'users')
      .select(key)
      .where(key, 'in', some)
      .where('removed_at', 'is not', null)
      .execute(),
  )
  return new Set(found.map((row) => row[key]))
}

/**
 * Removes something of what records had that were removed, and each record once nothing is left of that.
 * @param limit the most rows to touch
 * @param now milliseconds since 1970
 * @returns how many rows went
 */
export async function removeRest(db: Kysely<Schema>, owner: Owner, limit: number, now: number): Promise<number> {
  const key = KEYS[owner] as 'id'
  let left = limit
  while (left > 0) {
    const record = await db
      .selectFrom(owner as 'users')
      .select(key)
      .where('removed_at', 'is not', null)
      .orderBy('removed_at')
      .limit(1)
      .executeTakeFirst()
    if (!record) break
    const id = record[key]
    // The apps that somebody was signed in at are told, as if it had gone at once.
    if (owner === 'users') left -= (await noteSignOut(db, { users: [id] }, now, left)).length
    for (const owned of OWNED[owner]) if (left > 0) left -= await removeSome(db, owned, id, left)
    if (left === 0) break
    await db
      .deleteFrom(owner as 'users')
      .where(key, '=', id)
      .execute()
    left -= 1
  }
  return limit - left
}

async function removeSome(db: Kysely<Schema>, owned: Owned, id: string, limit: number): Promise<number> {
  const { table, of, key, within, kind } = owned
  const ofKind = kind === undefined ? sql`` : sql`and kind = ${kind}`
  const keys = sql`select ${sql.ref(key)} from ${sql.table(table)} where ${sql.ref(of)} = ${id} ${ofKind} limit ${limit}`
  const tokens = table === 'token_families' ? await removeTokens(db, keys, limit) : 0
  if (tokens === limit) return tokens
  const ofOwner = within ? sql`and ${sql.ref(of)} = ${id}` : sql``
  const { numAffectedRows } =
    await sql`delete from ${sql.table(table)} where ${sql.ref(key)} in (${keys}) ${ofOwner}`.execute(db)
  return Math.min(limit, tokens + Number(numAffectedRows ?? 0))
}

/** A family that was refreshed for weeks has thousands of tokens, so they go in portions as well. */
async function removeTokens(db: Kysely<Schema>, families: RawBuilder<unknown>, limit: number): Promise<number> {
  const portion = sql`select digest from refresh_tokens where family in (${families}) limit ${limit}`
  const { numAffectedRows } = await sql`delete from refresh_tokens where digest in (${portion})`.execute(db)
  return Number(numAffectedRows ?? 0)
}
