import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Schema } from '../../schema/schema.ts'

export type SessionEpochs = ReturnType<typeof sessionEpochsOn>

/** The present epoch of an app and a user. */
export const epochOf = (applicationUri: RawBuilder<unknown>, userId: RawBuilder<unknown>): RawBuilder<number> =>
  sql<number>`(coalesce((select session_epochs.epoch from session_epochs
    where session_epochs.application_uri = ${applicationUri} and session_epochs.user_id = ${userId}), 0)
    + coalesce((select whose.grants_epoch from users as whose where whose.id = ${userId}), 0))`

/** Whose rows are granted under epochs: a table, or the name it has in a query. */
type GrantRows = 'authorization_codes' | 'token_families' | 'reference_tokens' | 'f' | 'token'

/** The present epoch of the app and the user that a row names. */
export const sessionEpochOf = (table: GrantRows): RawBuilder<number> =>
  epochOf(sql.ref(`${table}.application_uri`), sql.ref(`${table}.user_id`))

/** Whether all that a row was granted under still holds: a kill switch, or a consent taken back, has raised an epoch. */
export const isUnderItsEpochs = (table: GrantRows): RawBuilder<SqlBool> => sql<SqlBool>`(
  exists (select 1 from trusted_applications as its_app where its_app.application_uri = ${sql.ref(`${table}.application_uri`)}
    and its_app.epoch = ${sql.ref(`${table}.app_epoch`)} and its_app.is_enabled = 1)
  and exists (select 1 from users as its_user where its_user.id = ${sql.ref(`${table}.user_id`)}
    and its_user.epoch = ${sql.ref(`${table}.user_epoch`)} and its_user.is_enabled = 1)
  and ${sessionEpochOf(table)} = ${sql.ref(`${table}.session_epoch`)})`

/**
 * Counts up whenever everything that was issued to one app to act as one user must die: what is counted for the two, and what is
 * counted for the user at every app.
 */
export function sessionEpochsOn(db: Kysely<Schema>) {
  const keyed = ['application_uri', 'user_id'] as const

  return {
    async find(applicationUri: string, userId: string): Promise<number> {
      const { rows } = await sql<{
        epoch: number
      }>`select ${epochOf(sql.val(applicationUri), sql.val(userId))} as epoch`.execute(db)
      return Number(rows[0]?.epoch ?? 0)
    },

    async raise(applicationUri: string, userId: string): Promise<void> {
      await db
        .insertInto('session_epochs')
        .values({ application_uri: applicationUri, user_id: userId, epoch: 1 })
        .onConflict((conflict) =>
          conflict.columns(keyed).doUpdateSet((eb) => ({ epoch: eb('session_epochs.epoch', '+', 1) })),
        )
        .execute()
    },

    /** The same at every app: of what is on its way to one, nothing is on record yet. */
    async raiseAllOf(userId: string): Promise<void> {
      await db
        .updateTable('users')
        .set((eb) => ({ grants_epoch: eb('grants_epoch', '+', 1) }))
        .where('id', '=', userId)
        .execute()
    },

    /**
     * Keeps the epoch as it is until the unit of work is over: whoever raises it waits, and then sees what the unit has written.
     * @returns false when it was raised since
     */
    async hold(applicationUri: string, userId: string, epoch: number): Promise<boolean> {
      // The row of the user first, which is what counts at every app.
      const whose = await db
        .updateTable('users')
        .set((eb) => ({ grants_epoch: eb.ref('grants_epoch') }))
        .where('id', '=', userId)
        .returning('grants_epoch')
        .executeTakeFirst()
      if (!whose || whose.grants_epoch > epoch) return false
      const held = await db
        .insertInto('session_epochs')
        .values({ application_uri: applicationUri, user_id: userId, epoch: 0 })
        .onConflict((conflict) =>
          conflict
            .columns(keyed)
            .doUpdateSet((eb) => ({ epoch: eb.ref('session_epochs.epoch') }))
            .where('session_epochs.epoch', '=', epoch - whose.grants_epoch),
        )
        .executeTakeFirst()
      return held.numInsertedOrUpdatedRows === 1n
    },
  }
}
