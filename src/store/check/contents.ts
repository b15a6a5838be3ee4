import { type Kysely, sql } from 'kysely'
import { migrationsOf } from '../engine/migrations.ts'
import { moveStateOn, requireInService } from '../repositories/instance/move-state.ts'
import type { Schema } from '../schema/schema.ts'
import { tablesOf } from '../schema/tables.ts'

import { latestTime } from '../transfer/end-grants.ts'
import { planOf } from '../transfer/plan.ts'
import { rowsOn } from '../transfer/rows.ts'
import { type Check, failed, messageOf, passed } from './check.ts'

// What of a table still counts; the rest waits for the clean-up.
const LIVE: Readonly<Record<string, string>> = {
  authorization_codes: 'spent_at is null and expires_at > ',
  token_families: 'revoked_at is null and expires_at > ',
  refresh_tokens: 'rotated_at is null and expires_at > ',
  revoked_access_tokens: 'expires_at > ',
}
const TOLERATED = 60_000

/** What the tables hold, alike on both databases. */
export async function checkContents(db: Kysely<Schema>, now: number): Promise<Check[]> {
  const schema = await checkSchema(db)
  if (!schema.passed) return [schema]
  return [schema, await checkService(db), await countRows(db, now), await checkClock(db, now)]
}

async function checkSchema(db: Kysely<Schema>): Promise<Check> {
  try {
    const { applied, pending } = await migrationsOf(db).status()
    if (pending.length === 0) return passed('schema', `${applied.length} migrations applied, none pending`)
    return failed(
      'schema',
      `pending: ${pending.join(', ')}`,
      'tessera db migrate or the next start of the server applies them',
    )
  } catch (error) {
    return { name: 'schema', passed: false, detail: messageOf(error) }
  }
}

async function checkService(db: Kysely<Schema>): Promise<Check> {
  try {
    await requireInService(moveStateOn(db))
    return passed('in service', 'no move or restore is unfinished')
  } catch (error) {
    return { name: 'in service', passed: false, detail: messageOf(error) }
  }
}

async function countRows(db: Kysely<Schema>, now: number): Promise<Check> {
  const plan = await planOf((await migrationsOf(db).status()).applied.at(-1) ?? '')
  const present = await tablesOf(db)
  const missing = plan.find(({ name }) => !present.includes(name))
  if (missing)
    return failed('rows', `the table ${missing.name} is missing`, 'restore a backup: tessera db restore FILE')
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
