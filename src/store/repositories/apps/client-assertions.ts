import type { Kysely } from 'kysely'
import { digest } from '../../../lib/crypto/secrets.ts'
import type { Schema } from '../../schema/schema.ts'

/** The assertions by which apps have proved themselves, each of which counts once. @see RFC 7523 §3 */
export function clientAssertionsOn(db: Kysely<Schema>) {
  return {
    /**
     * Uses an assertion up.
     * @param expiresAt milliseconds since 1970, until when it would count again
     * @returns false when it was used before
     */
    async consume(applicationUri: string, jti: string, expiresAt: number): Promise<boolean> {
      const added = await db
        .insertInto('client_assertions')
        // The digest is the app's own, so that it names one row by itself.
        .values({
          application_uri: applicationUri,
          jti_digest: digest(JSON.stringify([applicationUri, jti])),
          expires_at: expiresAt,
        })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return added.numInsertedOrUpdatedRows === 1n
    },
  }
}
