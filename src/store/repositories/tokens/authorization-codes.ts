import { type Kysely, type SqlBool, sql } from 'kysely'
import { ENDED_EARLY, type Granted } from '../../../domain/access/authorization.ts'
import { fromGranted, toGranted } from '../../schema/grant-columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { isUnderItsEpochs, sessionEpochOf } from '../sessions/session-epochs.ts'

/** An authorization code as it is kept: everything but the code. @see RFC 6749 §4.1.2 */
export interface AuthorizationCode extends Granted {
  /** The sign-in that the code came out of; one sign-in has at most one live code. */
  readonly interaction: string
  /** As the request named it; `undefined` where it left out the only one of its app. */
  readonly redirectUri: string | undefined
  readonly nonce: string | undefined
  readonly codeChallenge: string | undefined
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  readonly consumedAt: number | undefined
  /** Since when what was handed out with the code, or for it, is revoked. */
  readonly revokedAt: number | undefined
  readonly presentSessionEpoch: number
}

/** A code as it is stored; the rest comes with time. */
export type NewAuthorizationCode = Omit<AuthorizationCode, 'consumedAt' | 'revokedAt' | 'presentSessionEpoch'>

const isSignedIn = sql<SqlBool>`exists (select 1 from sign_in_sessions as its_session
  where its_session.sid = authorization_codes.sid and its_session.ended_at is null)`

export type AuthorizationCodes = ReturnType<typeof authorizationCodesOn>

export function authorizationCodesOn(db: Kysely<Schema>) {
  return {
    async find(digest: string): Promise<AuthorizationCode | undefined> {
      // One statement, so that a code and its tokens are seen as of the same moment.
      const row = await db
        .selectFrom('authorization_codes')
        .leftJoin('token_families', 'token_families.family', 'authorization_codes.family')
        .selectAll('authorization_codes')
        .select(['token_families.revoked_at', sessionEpochOf('authorization_codes').as('present_session_epoch')])
        .where('digest', '=', digest)
        .executeTakeFirst()
      return (
        row && {
          ...toGranted(row),
          interaction: row.interaction,
          redirectUri: row.redirect_uri || undefined,
          nonce: row.nonce ?? undefined,
          codeChallenge: row.code_challenge ?? undefined,
          expiresAt: row.expires_at,
          consumedAt: row.spent_at ?? undefined,
          revokedAt: row.revoked_at ?? undefined,
          presentSessionEpoch: row.present_session_epoch,
        }
      )
    },

    /**
     * Stores a code. Where the same sign-in was answered before and the answer got lost, the new code takes the old one's place.
     * @returns false when the old one has been redeemed already
     */
    async add(digest: string, code: NewAuthorizationCode): Promise<boolean> {
      const columns = {
        ...fromGranted(code),
        digest,
        redirect_uri: code.redirectUri ?? '',
        nonce: code.nonce ?? null,
        code_challenge: code.codeChallenge ?? null,
        expires_at: code.expiresAt,
      }
      const stored = await db
        .insertInto('authorization_codes')
        .values({ ...columns, interaction: code.interaction, spent_at: null })
        .onConflict((conflict) =>
          conflict.column('interaction').doUpdateSet(columns).where('authorization_codes.spent_at', 'is', null),
        )
        .executeTakeFirst()
      return stored.numInsertedOrUpdatedRows === 1n
    },

    /** Ends every code for a user that was not redeemed yet, of one app or of all; for every node, however its clock goes. */
    async expireAllOf({ userId, app }: { userId: string; app?: string }): Promise<void> {
      await db
        .updateTable('authorization_codes')
        .set({ expires_at: ENDED_EARLY })
        .where('user_id', '=', userId)
        .$if(app !== undefined, (query) => query.where('application_uri', '=', app ?? ''))
        .where('spent_at', 'is', null)
        .execute()
    },

    /** Uses the code up: this one statement decides who was first, and whether what ends a code was faster. */
    async consume(digest: string, now: number): Promise<boolean> {
      const consumed = await db
        .updateTable('authorization_codes')
        .set({ spent_at: now })
        .where('digest', '=', digest)
        .where('spent_at', 'is', null)
        .where('expires_at', '>', now)
        .where(isSignedIn)
        .where(isUnderItsEpochs('authorization_codes'))
        .executeTakeFirst()
      return consumed.numUpdatedRows === 1n
    },
  }
}
