import type { Kysely, Selectable } from 'kysely'
import type { InitialAccessToken } from '../../../domain/apps/self-registration.ts'
import type { PageQuery } from '../../../domain/records/paging.ts'
import type { Schema } from '../../schema/schema.ts'

const toToken = (row: Selectable<Schema['initial_access_tokens']>): InitialAccessToken => ({
  id: row.id,
  digest: row.digest,
  label: row.label ?? undefined,
  createdBy: row.created_by,
  createdAt: row.created_at,
  expiresAt: row.expires_at ?? undefined,
  usesLeft: row.uses_left ?? undefined,
})

export type InitialAccessTokens = ReturnType<typeof initialAccessTokensOn>

/** What lets apps register themselves. */
export function initialAccessTokensOn(db: Kysely<Schema>) {
  return {
    async add(token: InitialAccessToken): Promise<void> {
      await db
        .insertInto('initial_access_tokens')
        .values({
          id: token.id,
          digest: token.digest,
          label: token.label ?? null,
          created_by: token.createdBy,
          created_at: token.createdAt,
          expires_at: token.expiresAt ?? null,
          uses_left: token.usesLeft ?? null,
        })
        .execute()
    },

    async find(digest: string): Promise<InitialAccessToken | undefined> {
      const row = await db
        .selectFrom('initial_access_tokens')
        .selectAll()
        .where('digest', '=', digest)
        .executeTakeFirst()
      return row && toToken(row)
    },

    /** The newest first. */
    async list(): Promise<InitialAccessToken[]> {
      return (await db.selectFrom('initial_access_tokens').selectAll().orderBy('id', 'desc').execute()).map(toToken)
    },

    /** The newest first, after one of them. */
    async page({ after, limit }: PageQuery): Promise<InitialAccessToken[]> {
      const page = db.selectFrom('initial_access_tokens').selectAll().orderBy('id', 'desc').limit(limit)
      return (await (after === undefined ? page : page.where('id', '<', after)).execute()).map(toToken)
    },

    /** The first ones in the order of their ids, from this text on. */
    async from(id: string, limit: number): Promise<InitialAccessToken[]> {
      const next = db.selectFrom('initial_access_tokens').selectAll().where('id', '>=', id)
      return (await next.orderBy('id').limit(limit).execute()).map(toToken)
    },

    /** Uses a token once. @returns false when it cannot be used any more */
    async consume(id: string, now: number): Promise<boolean> {
      const consumed = await db
        .updateTable('initial_access_tokens')
        .set((eb) => ({ uses_left: eb('uses_left', '-', 1) }))
        .where('id', '=', id)
        .where((eb) => eb.or([eb('uses_left', 'is', null), eb('uses_left', '>', 0)]))
        .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
        .executeTakeFirst()
      return consumed.numUpdatedRows === 1n
    },

    async remove(id: string): Promise<void> {
      await db.deleteFrom('initial_access_tokens').where('id', '=', id).execute()
    },
  }
}
