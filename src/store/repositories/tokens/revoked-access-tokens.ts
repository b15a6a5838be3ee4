import type { Kysely } from 'kysely'
import type { Schema } from '../../schema/schema.ts'

export type RevokedAccessTokens = ReturnType<typeof revokedAccessTokensOn>

/** Signed access tokens that were revoked one by one before they expired. @see RFC 7009 §2.1 */
export function revokedAccessTokensOn(db: Kysely<Schema>) {
  return {
    async has(jtiDigest: string): Promise<boolean> {
      const found = await db
        .selectFrom('revoked_access_tokens')
        .select('jti_digest')
        .where('jti_digest', '=', jtiDigest)
        .executeTakeFirst()
      return found !== undefined
    },

    /**
     * @param expiresAt milliseconds since 1970, when the token would have expired by itself
     * @returns false where it was revoked already
     */
    async add(jtiDigest: string, expiresAt: number): Promise<boolean> {
      const { numInsertedOrUpdatedRows: added } = await db
        .insertInto('revoked_access_tokens')
        .values({ jti_digest: jtiDigest, expires_at: expiresAt })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return added === 1n
    },
  }
}
