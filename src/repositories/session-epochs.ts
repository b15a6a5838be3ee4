import type { Kysely } from 'kysely'
import type { Schema } from './schema.ts'

export type SessionEpochs = ReturnType<typeof sessionEpochsOn>

/** Counts up whenever everything that was issued to one app to act as one user must die. */
export function sessionEpochsOn(db: Kysely<Schema>) {
  return {
    async find(applicationUri: string, userId: string): Promise<number> {
      const row = await db
        .selectFrom('session_epochs')
        .select('epoch')
        .where('application_uri', '=', applicationUri)
        .where('user_id', '=', userId)
        .executeTakeFirst()
      return row?.epoch ?? 0
    },

    async raise(applicationUri: string, userId: string): Promise<void> {
      await db
        .insertInto('session_epochs')
        .values({ application_uri: applicationUri, user_id: userId, epoch: 1 })
        .onConflict((conflict) =>
          conflict
            .columns(['application_uri', 'user_id'])
            .doUpdateSet((eb) => ({ epoch: eb('session_epochs.epoch', '+', 1) })),
        )
        .execute()
    },
  }
}
