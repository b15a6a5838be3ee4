import { type Kysely, sql } from 'kysely'
import { TIME_REACHED, WRONG_TIME } from '../../domain/instance/instance-settings.ts'
import { settingsOn } from '../repositories/instance/settings.ts'
import { noteEnding } from '../repositories/tokens/token-notices.ts'
import type { Schema } from '../schema/schema.ts'
import { forgetAnswers } from './answers.ts'

/** What was live until then. */
export interface Ended {
  readonly sessions: number
  readonly tokenFamilies: number
  readonly codes: number
}

/**
 * Ends everything ever issued: epochs rise above every one that can have been in use, also after the moment the rows are of.
 * A used code, a rotated or revoked refresh token, a session that ended: none of them can be told from a live one in older rows.
 */
export async function endGrants(db: Kysely<Schema>, now: number): Promise<Ended> {
  // Epochs begin as the time in milliseconds and rise by one, so the time is above all of them.
  for (const table of ['users', 'trusted_applications'] as const)
    await db
      .updateTable(table)
      .set({ epoch: sql<number>`case when epoch < ${sql.lit(now)} then ${sql.lit(now)} else epoch + 1 end` })
      .execute()
  const sessions = await db
    .updateTable('sign_in_sessions')
    .set({ ended_at: now })
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  // Rows that may be old, and may be of a copy made to try something out: apps are told nothing.
  await db.deleteFrom('session_apps').execute()
  const families = await db
    .updateTable('token_families')
    .set({ revoked_at: now })
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  const codes = await db
    .updateTable('authorization_codes')
    .set({ spent_at: now })
    .where('spent_at', 'is', null)
    .executeTakeFirst()
  await forgetAnswers(db)
  await noteEnding(db, {}, now)
  return {
    sessions: Number(sessions.numUpdatedRows),
    tokenFamilies: Number(families.numUpdatedRows),
    codes: Number(codes.numUpdatedRows),
  }
}

/** Times that a wrong clock told; milliseconds since 1970. */
interface WrongTime {
  readonly from: number
  readonly until: number
}

async function wrongTimeOf(db: Kysely<Schema>): Promise<WrongTime> {
  const stored = await settingsOn(db).get(WRONG_TIME)
  return stored === undefined ? { from: 0, until: 0 } : (JSON.parse(stored) as WrongTime)
}

/** Remembers which times the audit log tells although they never were. */
export async function noteWrongTime(db: Kysely<Schema>, { from, until }: WrongTime): Promise<void> {
  const known = await wrongTimeOf(db)
  const all = { from: known.until > from ? Math.min(known.from, from) : from, until: Math.max(known.until, until) }
  await settingsOn(db).set(WRONG_TIME, JSON.stringify(all))
}

/** The latest moment that any record is of; a clock behind it cannot be right. */
export async function latestTime(db: Kysely<Schema>): Promise<number> {
  const { from, until } = await wrongTimeOf(db)
  const reached = Number(await settingsOn(db).get(TIME_REACHED)) || 0
  const latest = await Promise.all([
    db
      .selectFrom('audit_events')
      .select((eb) => eb.fn.max('happened_at').as('at'))
      // Without a condition the latest is found at once.
      .$if(until > 0, (all) => all.where((eb) => eb.or([eb('happened_at', '<=', from), eb('happened_at', '>', until)])))
      .executeTakeFirst(),
    db
      .selectFrom('users')
      .select((eb) => eb.fn.max('updated_at').as('at'))
      .executeTakeFirst(),
    db
      .selectFrom('trusted_applications')
      .select((eb) => eb.fn.max('updated_at').as('at'))
      .executeTakeFirst(),
    db
      .selectFrom('token_families')
      .select((eb) => eb.fn.max('started_at').as('at'))
      .executeTakeFirst(),
    db
      .selectFrom('sign_in_sessions')
      .select((eb) => eb.fn.max('last_seen_at').as('at'))
      .executeTakeFirst(),
  ])
  return Math.max(0, reached, ...latest.map((row) => row?.at ?? 0))
}
