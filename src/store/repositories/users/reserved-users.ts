import type { Kysely } from 'kysely'
import type { Schema } from '../../schema/schema.ts'

export type ReservedUsers = ReturnType<typeof reservedUsersOn>

/** The users for whom a licence slot is kept. */
export function reservedUsersOn(db: Kysely<Schema>) {
  return {
    /** The ids of all of them, whoever is disabled included. */
    async list(): Promise<string[]> {
      const rows = await db.selectFrom('reserved_users').select('user_id').orderBy('user_id').execute()
      return rows.map(({ user_id }) => user_id)
    },

    async count(): Promise<number> {
      const row = await db
        .selectFrom('reserved_users')
        .select((eb) => eb.fn.countAll().as('count'))
        .executeTakeFirst()
      return Number(row?.count ?? 0)
    },

    async add(userId: string): Promise<void> {
      await db
        .insertInto('reserved_users')
        .values({ user_id: userId })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },

    async remove(userId: string): Promise<void> {
      await db.deleteFrom('reserved_users').where('user_id', '=', userId).execute()
    },
  }
}
