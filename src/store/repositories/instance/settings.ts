import { type Kysely, sql } from 'kysely'
import { storedName, valueOfSetting } from '../../../domain/instance/instance-settings.ts'
import { RECORDS_VERSION } from '../../../domain/instance/staged-records.ts'
import { type ApiSessionRules, LICENCE_SLOTS, readSlots } from '../../../domain/sessions/api-session.ts'
import type { Schema } from '../../schema/schema.ts'

/** Counts a change of users, apps, API resources or settings, so that whoever looked before learns of it. */
export async function countChange(db: Kysely<Schema>): Promise<void> {
  const more = sql<string>`cast(cast(settings.value as bigint) + 1 as text)`
  await db
    .insertInto('settings')
    .values({ name: RECORDS_VERSION, value: '1' })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: more }))
    .execute()
}

export type Settings = ReturnType<typeof settingsOn>

/** Single facts about the instance that must survive a restart. */
export function settingsOn(db: Kysely<Schema>) {
  /** Those of several that are there, under their names, in one question. */
  async function getEach(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = await db.selectFrom('settings').selectAll().where('name', 'in', names).execute()
    return new Map(rows.map(({ name, value }) => [name, value]))
  }

  return {
    async get(name: string): Promise<string | undefined> {
      const row = await db.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirst()
      return row?.value
    },

    getEach,

    /** How long API sessions live and how many there may be, as it is set now; every call of an API asks, so it is one question. */
    async apiSessionRules(): Promise<ApiSessionRules> {
      const [idle, length] = ['ApiSessionIdle', 'ServiceSessionLength'] as const
      const stored = await getEach([storedName(idle), storedName(length), LICENCE_SLOTS])
      const slots = readSlots(stored.get(LICENCE_SLOTS) ?? 'unlimited')
      return {
        idle: valueOfSetting(idle, stored.get(storedName(idle))),
        serviceLength: valueOfSetting(length, stored.get(storedName(length))),
        // What is no number was never written by us; to let everybody in for it would give licences away.
        slots: slots === 'unreadable' ? 0 : slots,
      }
    },

    async set(name: string, value: string): Promise<void> {
      await db
        .insertInto('settings')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute()
    },

    /** Forgets it, so that its default counts. */
    async remove(name: string): Promise<void> {
      await db.deleteFrom('settings').where('name', '=', name).execute()
    },

    /** Sets it if it still is what it was, `undefined` for not there. @returns whether it was */
    async replace(name: string, from: string | undefined, value: string): Promise<boolean> {
      if (from === undefined) {
        const insert = db.insertInto('settings').values({ name, value })
        const { numInsertedOrUpdatedRows } = await insert
          .onConflict((conflict) => conflict.column('name').doNothing())
          .executeTakeFirst()
        return numInsertedOrUpdatedRows === 1n
      }
      const update = db.updateTable('settings').set({ value }).where('name', '=', name).where('value', '=', from)
      return (await update.executeTakeFirst()).numUpdatedRows === 1n
    },
  }
}
