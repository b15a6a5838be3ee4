import type { Kysely } from 'kysely'
import type { Schema } from '../../schema/schema.ts'
import { isUnderItsEpochs } from '../sessions/session-epochs.ts'

/** How a refresh token was used up, kept so that a lost answer can be given again. */
export interface Rotation {
  readonly at: number
  /** Fingerprint of the request that rotated it: who asked, how they proved it, for what. */
  readonly by: string
  /** The answer, sealed under a key that only the presented token yields; forgotten when its time is over, or its token was used. */
  readonly sealedAnswer: string | undefined
}

export interface RefreshToken {
  readonly family: string
  readonly issuedAt: number
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  readonly rotation: Rotation | undefined
}

export type RefreshTokens = ReturnType<typeof refreshTokensOn>

export function refreshTokensOn(db: Kysely<Schema>) {
  return {
    async find(digest: string): Promise<RefreshToken | undefined> {
      const row = await db.selectFrom('refresh_tokens').selectAll().where('digest', '=', digest).executeTakeFirst()
      if (!row) return undefined
      const { rotated_at: at, rotated_by: by, sealed_answer: sealedAnswer } = row
      const rotation = at !== null && by !== null ? { at, by, sealedAnswer: sealedAnswer ?? undefined } : undefined
      return { family: row.family, issuedAt: row.issued_at, expiresAt: row.expires_at, rotation }
    },

    async add(digest: string, token: Omit<RefreshToken, 'rotation'>): Promise<void> {
      await db
        .insertInto('refresh_tokens')
        .values({
          digest,
          family: token.family,
          issued_at: token.issuedAt,
          expires_at: token.expiresAt,
          rotated_at: null,
          rotated_by: null,
          sealed_answer: null,
        })
        .execute()
    },

    /** Uses the token up: this one statement decides who was first; a family that ended meanwhile has no active token. */
    async rotate(digest: string, rotation: Rotation): Promise<boolean> {
      const rotated = await db
        .updateTable('refresh_tokens')
        .set({ rotated_at: rotation.at, rotated_by: rotation.by, sealed_answer: rotation.sealedAnswer ?? null })
        .where('digest', '=', digest)
        .where('rotated_at', 'is', null)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('token_families as f')
              .select('f.family')
              .whereRef('f.family', '=', 'refresh_tokens.family')
              .where('f.revoked_at', 'is', null)
              .where(isUnderItsEpochs('f')),
          ),
        )
        .executeTakeFirst()
      return rotated.numUpdatedRows === 1n
    },

    /** Forgets the answers that led to a token, once that is used: they did not get lost, and nobody is given them again. */
    async forgetAnswersBefore(digest: string, family: string): Promise<void> {
      await db
        .updateTable('refresh_tokens')
        .set({ sealed_answer: null })
        .where('family', '=', family)
        .where('digest', '<>', digest)
        .where('sealed_answer', 'is not', null)
        .execute()
    },
  }
}
