import type { Kysely } from 'kysely'
import type { Schema } from './schema.ts'

export type Settings = ReturnType<typeof settingsOn>

/** Single facts about the instance that must survive a restart. */
export function settingsOn(db: Kysely<Schema>) {
  return {
    async get(name: string): Promise<string | undefined> {
      const row = await db.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirst()
      return row?.value
    },

    async set(name: string, value: string): Promise<void> {
      await db
        .insertInto('settings')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute()
    },
  }
}
