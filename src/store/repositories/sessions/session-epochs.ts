import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Schema } from '../../schema/schema.ts'

export type SessionEpochs = ReturnType<typeof sessionEpochsOn>

const epochOf = (applicationUri: RawBuilder<unknown>, userId: RawBuilder<unknown>): RawBuilder<number> =>
  sql<number>`coalesce((select session_epochs.epoch from session_epochs
    where session_epochs.application_uri = ${applicationUri} and session_epochs.user_id = ${userId}), 0)`

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

/** Counts up whenever everything that was issued to one app to act as one user must die. */
export function sessionEpochsOn(db: Kysely<Schema>) {
  const keyed = ['application_uri', 'user_id'] as const

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
          conflict.columns(keyed).doUpdateSet((eb) => ({ epoch: eb('session_epochs.epoch', '+', 1) })),
        )
        .execute()
    },

    /** The same at every app: of what is on its way to one, nothing is on record yet. */
    async raiseAllOf(userId: string): Promise<void> {
      await db
        .insertInto('session_epochs')
        .columns(['application_uri', 'user_id', 'epoch'])
        .expression((eb) =>
          eb
            .selectFrom('trusted_applications')
            .select(['application_uri', sql<string>`${userId}`.as('user_id'), sql<number>`1`.as('epoch')])
            // SQLite cannot tell the conflict from a join where the select has no condition.
            .where(sql<SqlBool>`true`)
            .orderBy('application_uri'),
        )
        .onConflict((conflict) =>
          conflict.columns(keyed).doUpdateSet((eb) => ({ epoch: eb('session_epochs.epoch', '+', 1) })),
        )
        .execute()
    },

    /**
     * Keeps the epoch as it is until the unit of work is over: whoever raises it waits, and then sees what the unit has written.
     * @returns false when it was raised since
     */
    async hold(applicationUri: string, userId: string, epoch: number): Promise<boolean> {
      const held = await db
        .insertInto('session_epochs')
        .values({ application_uri: applicationUri, user_id: userId, epoch: 0 })
        .onConflict((conflict) =>
          conflict
            .columns(keyed)
            .doUpdateSet((eb) => ({ epoch: eb.ref('session_epochs.epoch') }))
            .where('session_epochs.epoch', '=', epoch),
        )
        .executeTakeFirst()
      return held.numInsertedOrUpdatedRows === 1n
    },
  }
}
