import type { Kysely } from 'kysely'
import type { Schema } from '../../schema/schema.ts'

/** The claims of an access token, as a signed one would carry them. */
type Claims = Readonly<Record<string, unknown>>

/** What is kept of an access token that says nothing by itself. */
export interface OpaqueAccessToken {
  readonly digest: string
  readonly claims: Claims
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

export type OpaqueAccessTokens = ReturnType<typeof opaqueAccessTokensOn>

/** Access tokens that say nothing by themselves: what a signed one carries stays here. */
export function opaqueAccessTokensOn(db: Kysely<Schema>) {
  return {
    async find(digest: string): Promise<Claims | undefined> {
      const row = await db
        .selectFrom('opaque_access_tokens')
        .select('claims')
        .where('digest', '=', digest)
        .executeTakeFirst()
      return row && (JSON.parse(row.claims) as Claims)
    },

    async add({ digest, claims, expiresAt }: OpaqueAccessToken): Promise<void> {
      await db
        .insertInto('opaque_access_tokens')
        .values({ digest, claims: JSON.stringify(claims), expires_at: expiresAt })
        .execute()
    },
  }
}
