import { type Kysely, sql } from 'kysely'
import { migrationsOf } from '../engine/migrations.ts'
import { moveStateOn, OutOfService, requireInService } from '../repositories/instance/move-state.ts'
import type { Schema } from '../schema/schema.ts'
import { latestTime } from '../transfer/end-grants.ts'
import { planOf, type Table } from '../transfer/plan.ts'
import { rowsOn } from '../transfer/rows.ts'
import { type Check, failed, messageOf, passed, restoring } from './check.ts'
import { checkLinks } from './check-links.ts'
import { checkRows } from './check-rows.ts'
import { type AtHand, checkSealed } from './check-sealed.ts'
import { checkSettings } from './check-settings.ts'
import { checkStructure } from './check-structure.ts'

// What of a table still counts; the rest waits for the clean-up.
const LIVE: Readonly<Record<string, string>> = {
  authorization_codes: 'spent_at is null and expires_at > ',
  token_families: 'revoked_at is null and expires_at > ',
  refresh_tokens: 'rotated_at is null and expires_at > ',
  revoked_access_tokens: 'expires_at > ',
}
const TOLERATED = 60_000

/** What the tables hold, alike on both databases; every row is read, and a page of them is in memory at once. */
export async function checkContents(db: Kysely<Schema>, now: number, master: AtHand): Promise<Check[]> {
  const { check: schema, level } = await checkSchema(db)
  if (!schema.passed) return [schema]
  const structure = await checkStructure(db, level)
  if (!structure.whole) return [schema, ...structure.checks]
  const plan = await planOf(level)
  const values = await checkRows(db, plan)
  const checks = [schema, ...structure.checks, await checkService(db), await countRows(db, plan, now), ...values]
  // What cannot be read cannot be compared.
  if (values.some(({ passed: isPassed }) => !isPassed)) return checks
  const settings = await checkSettings(db, now)
  const times = settings.every(({ name, passed: isPassed }) => name !== 'settings' || isPassed)
  return [
    ...checks,
    ...settings,
    ...(await checkLinks(db, plan, level)),
    ...(times ? [await checkClock(db, now)] : []),
    ...(await checkSealed(db, plan, master, now)),
  ]
}

async function checkSchema(db: Kysely<Schema>): Promise<{ check: Check; level: string }> {
  try {
    const { applied, pending } = await migrationsOf(db).status()
    const level = applied.at(-1) ?? ''
    const gap = pending.find((name) => name < level)
    if (gap !== undefined)
      return { level, check: failed('schema', `${gap} is missing among the migrations applied`, restoring(db)) }
    if (pending.length === 0)
      return { level, check: passed('schema', `${applied.length} migrations applied, none pending`) }
    const remedy = 'tessera db migrate or the next start of the server applies them'
    return { level, check: failed('schema', `pending: ${pending.join(', ')}`, remedy) }
  } catch (error) {
    return { level: '', check: { name: 'schema', passed: false, detail: messageOf(error) } }
  }
}

async function checkService(db: Kysely<Schema>): Promise<Check> {
  try {
    await requireInService(moveStateOn(db))
    return passed('in service', 'no move or restore is unfinished')
  } catch (error) {
    if (error instanceof OutOfService) return { name: 'in service', passed: false, detail: messageOf(error) }
    return failed(
      'in service',
      `what it knows of moves and restores cannot be read: ${messageOf(error)}`,
      restoring(db),
    )
  }
}

async function countRows(db: Kysely<Schema>, plan: readonly Table[], now: number): Promise<Check> {
  const counts = []
  for (const { name } of plan) {
    const all = await rowsOn(db).count({ name })
    const condition = LIVE[name]
    counts.push(
      condition === undefined ? `${name} ${all}` : `${name} ${all} (${await countLive(db, name, condition, now)} live)`,
    )
  }
  return passed('rows', counts.join(', '))
}

async function countLive(db: Kysely<Schema>, table: string, condition: string, now: number): Promise<number> {
  const { rows } = await sql<{ live: number }>`select count(*) as live from ${sql.table(table)}
    where ${sql.raw(condition)} ${sql.lit(now)}`.execute(db)
  return rows[0]?.live ?? 0
}

async function checkClock(db: Kysely<Schema>, now: number): Promise<Check> {
  const latest = await latestTime(db)
  const said = `this machine's clock says ${new Date(now).toISOString()}`
  return latest <= now + TOLERATED
    ? passed('clock', said)
    : failed(
        'clock',
        `${said}, but the latest record is of ${new Date(latest).toISOString()}`,
        'set the clock; if it is right, run tessera db clock --reset',
      )
}
