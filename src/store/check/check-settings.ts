import type { Kysely } from 'kysely'
import {
  INSTANCE_SETTING_NAMES,
  INSTANCE_SETTINGS,
  storedName,
  TIME_REACHED,
  WRONG_TIME,
} from '../../domain/instance/instance-settings.ts'
import { LICENCE_SLOTS, readSlots } from '../../domain/sessions/api-session.ts'
import { HOUR, isoTime } from '../../lib/time/clock.ts'
import { MASTER_KEY_MARK, masterKeyOn } from '../repositories/instance/master-key.ts'
import type { Schema } from '../schema/schema.ts'
import { type Check, failed, passed, restoring } from './check.ts'

/** Whoever looks before they write locks the row of this name. */
export const LOCK_ROW = 'writing-alone'

// No task takes its turn for longer.
export const LONGEST_LEASE = HOUR

/** Whether the single facts that the instance keeps are there and can be read. */
export async function checkSettings(db: Kysely<Schema>, now: number): Promise<Check[]> {
  const rows = await db.selectFrom('settings').selectAll().execute()
  const stored = new Map(rows.map(({ name, value }) => [name, value]))
  return [checkLockRow(stored), await checkMark(db, stored), checkValues(db, stored), await checkLeases(db, now)]
}

type Stored = ReadonlyMap<string, string>

const checkLockRow = (stored: Stored): Check =>
  stored.has(LOCK_ROW)
    ? passed('lock row', 'writers take turns')
    : failed(
        'lock row',
        'the row is missing that writers lock to take turns, so that two could do what only one may',
        'tessera db migrate puts it back',
      )

async function checkMark(db: Kysely<Schema>, stored: Stored): Promise<Check> {
  const name = 'master key mark'
  if (stored.has(MASTER_KEY_MARK)) return passed(name, 'the database tells one master key from another')
  if ((await masterKeyOn(db).former()).length > 0)
    return failed(name, 'missing, and with it what pairwise subjects are made with', restoring(db))
  const key = await db.selectFrom('signing_keys').select('kid').limit(1).executeTakeFirst()
  return key === undefined
    ? passed(name, 'not used with a master key yet')
    : failed(
        name,
        'missing, so that the next start believes any master key',
        'start the server with the right key, which puts it back; the line of the signing keys tells whether it is',
      )
}

function checkValues(db: Kysely<Schema>, stored: Stored): Check {
  for (const name of INSTANCE_SETTING_NAMES) {
    const value = stored.get(storedName(name))
    // Their default is any number, and to let everybody in would give licences away.
    if (name === 'LicenceSlots') continue
    if (value !== undefined && INSTANCE_SETTINGS[name].read(value) === undefined)
      return failed(
        'settings',
        `${name} cannot be read, and its default counts`,
        `tessera settings set ${name} VALUE, or tessera settings unset ${name}`,
      )
  }
  if (readSlots(stored.get(LICENCE_SLOTS) ?? 'unlimited') === 'unreadable')
    return failed(
      'settings',
      'the number of licence slots cannot be read, and none is given',
      'tessera license set --slots NUMBER',
    )
  if (!/^\d{1,15}$/.test(stored.get(TIME_REACHED) ?? '0'))
    return failed('settings', 'the time the instance has reached cannot be read', 'tessera db clock --reset')
  if (!isTimes(stored.get(WRONG_TIME) ?? '{"from":0,"until":0}'))
    return failed('settings', 'the times of a wrong clock cannot be read', restoring(db))
  return passed('settings', 'each can be read')
}

function isTimes(text: string): boolean {
  try {
    const { from, until } = JSON.parse(text) as { from?: unknown; until?: unknown }
    return Number.isSafeInteger(from) && Number.isSafeInteger(until)
  } catch {
    return false
  }
}

/** A lease that ends in the far future keeps every node from a task. */
async function checkLeases(db: Kysely<Schema>, now: number): Promise<Check> {
  const stuck = await db
    .selectFrom('leases')
    .selectAll()
    .where('until', '>', now + LONGEST_LEASE)
    .executeTakeFirst()
  return stuck === undefined
    ? passed('leases', 'no task is taken for long')
    : failed('leases', `nobody does ${stuck.task} until ${isoTime(stuck.until)}`, 'tessera db migrate gives it back')
}
