import type { Kysely } from 'kysely'
import type { Schema } from '../../schema/schema.ts'

export type Leases = ReturnType<typeof leasesOn>

/** Tasks that one node does at a time. */
export function leasesOn(db: Kysely<Schema>) {
  return {
    /**
     * Takes a task or keeps it: this one statement decides who does it.
     * @param until milliseconds since 1970; from then on another node may take it
     * @returns false while another node has it
     */
    async acquire(task: string, holder: string, now: number, until: number): Promise<boolean> {
      const acquired = await db
        .insertInto('leases')
        .values({ task, holder, until })
        .onConflict((conflict) =>
          conflict
            .column('task')
            .doUpdateSet({ holder, until })
            .where((eb) => eb.or([eb('leases.holder', '=', holder), eb('leases.until', '<=', now)])),
        )
        .executeTakeFirst()
      return acquired.numInsertedOrUpdatedRows === 1n
    },

    /** Lets another node take it at once. */
    async release(task: string, holder: string): Promise<void> {
      await db.deleteFrom('leases').where('task', '=', task).where('holder', '=', holder).execute()
    },
  }
}
