import type { Kysely } from 'kysely'
import type { AuditedUnit } from '../../domain/instance/audit.ts'
import { TIME_REACHED } from '../../domain/instance/instance-settings.ts'
import { DAY, MINUTE } from '../../lib/time/clock.ts'
import { auditEventsOn } from '../repositories/instance/audit-events.ts'
import { moveStateOn, requireInService } from '../repositories/instance/move-state.ts'
import { settingsOn } from '../repositories/instance/settings.ts'
import { signingKeysOn } from '../repositories/tokens/signing-keys.ts'
import type { Schema } from '../schema/schema.ts'
import { tablesOf } from '../schema/tables.ts'
import { type Ended, endGrants, latestTime, noteWrongTime } from './end-grants.ts'
import { enterPlace } from './place.ts'
import { TransferRefused } from './refused.ts'

/** What a database knows of the time; milliseconds since 1970. */
export interface KnownTime {
  /** What was written down, if anything was. */
  readonly record: number | undefined
  /** The latest moment that anything in it is of. */
  readonly latest: number
}

/** What came of setting the record; `ended` where it was set back, so that nothing of the time that never was goes on. */
export interface ClockReset extends KnownTime {
  readonly to: number
  readonly ended: Ended | undefined
}

// What clocks may differ by.
const TOLERATED = MINUTE

/** Whether the record can only be set to this time by ending what was issued: later moments are in the database. */
export const isAheadOf = ({ record = 0, latest }: KnownTime, now: number): boolean =>
  Math.max(record, latest) > now + TOLERATED

export async function knownTimeOf(db: Kysely<Schema>): Promise<KnownTime> {
  const stored = await settingsOn(db).get(TIME_REACHED)
  // A record that cannot be read is none, and is written anew.
  const record = stored !== undefined && Number.isFinite(Number(stored)) ? Number(stored) : undefined
  return { record, latest: await latestTime(db) }
}

/** @throws TransferRefused where there is no instance */
export async function readKnownTime(url: string): Promise<KnownTime> {
  const place = await enterPlace(url, 'read')
  try {
    if ((await place.migrations.status()).pending.length > 0)
      throw new TransferRefused(`${place.shown} is not up to date; run tessera db migrate`)
    return await knownTimeOf(place.db)
  } finally {
    await place.close()
  }
}

/**
 * Makes the machine's clock the time that the database goes by. Set back, everything issued ends: what had expired or was
 * revoked meanwhile cannot be told from what would live again.
 * @param record tells the audit log in the same transaction
 * @throws TransferRefused, OutOfService
 */
export async function resetClock(
  url: string,
  clock: () => number,
  record: (unit: AuditedUnit, reset: ClockReset) => Promise<void>,
): Promise<ClockReset> {
  const place = await enterPlace(url, 'write')
  try {
    await place.migrations.migrate()
    // As they are there: a model of them would be a database of SQLite, which nobody needs on PostgreSQL.
    const tables = (await tablesOf(place.db)).map((name) => ({ name }))
    return await place.alone(tables, async (db) => {
      await requireInService(moveStateOn(db))
      const now = clock()
      const known = await knownTimeOf(db)
      const ended = isAheadOf(known, now) ? await goBack(db, now, known) : undefined
      const to = ended ? now : Math.max(now, known.record ?? 0)
      await settingsOn(db).set(TIME_REACHED, String(to))
      const reset = { ...known, to, ended }
      await record({ auditEvents: auditEventsOn(db) }, reset)
      return reset
    })
  } finally {
    await place.close()
  }
}

/** Ends what was issued, and takes back what was planned, at times that are no more than to come. */
export async function goBack(db: Kysely<Schema>, now: number, { record = 0, latest }: KnownTime): Promise<Ended> {
  const ended = await endGrants(db, now)
  await noteWrongTime(db, { from: now, until: Math.max(record, latest) })
  // The notice about everybody that came with the end is the one that counts.
  await db.deleteFrom('token_notices').where('noticed_at', '>', now).execute()
  await db.deleteFrom('leases').execute()
  await db
    .deleteFrom('sign_in_attempts')
    .where((eb) => eb.or([eb('since', '>', now), eb('locked_until', '>', now)]))
    .execute()
  await db.updateTable('authorization_codes').set({ expires_at: now }).where('expires_at', '>', now).execute()
  await db
    .updateTable('token_families')
    .set({ started_at: now, expires_at: now })
    .where('started_at', '>', now)
    .execute()
  await db
    .updateTable('sign_in_sessions')
    .set({ created_at: now, last_seen_at: now })
    .where('last_seen_at', '>', now)
    .execute()
  await db
    .updateTable('api_sessions')
    .set({ opened_at: now, last_seen_at: now, ended_at: now, live_seat: null })
    .where('last_seen_at', '>', now)
    .execute()
  await db
    .updateTable('outbox')
    .set({ next_attempt_at: now })
    .where('next_attempt_at', '>', now + DAY)
    .execute()
  await db.updateTable('refusals').set({ refused_at: now }).where('refused_at', '>', now).execute()
  for (const table of ['users', 'trusted_applications'] as const)
    await db.updateTable(table).set({ updated_at: now }).where('updated_at', '>', now).execute()
  await takeKeysBack(db, now)
  return ended
}

/** Keys that were made at times to come go, and those before them sign on; where there are no others, the first signs from now on. */
async function takeKeysBack(db: Kysely<Schema>, now: number): Promise<void> {
  const keys = await signingKeysOn(db).list()
  for (const algorithm of new Set(keys.map((key) => key.algorithm))) {
    const ours = keys.filter((key) => key.algorithm === algorithm)
    const known = ours.filter((key) => key.createdAt <= now)
    const kept = (known.length > 0 ? known : ours.slice(0, 1)).map(({ kid }) => kid)
    const newest = kept.at(-1) ?? ''
    if (known.length === ours.length) continue
    await db.deleteFrom('signing_keys').where('algorithm', '=', algorithm).where('kid', 'not in', kept).execute()
    // What retired it is gone.
    const times = known.length > 0 ? {} : { created_at: now, signs_from: now }
    await db
      .updateTable('signing_keys')
      .set({ ...times, retires_at: null })
      .where('kid', '=', newest)
      .execute()
  }
}
