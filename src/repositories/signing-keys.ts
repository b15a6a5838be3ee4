import type { Kysely } from 'kysely'
import type { SigningAlgorithm } from '../domain/signing-algorithm.ts'
import type { Schema } from './schema.ts'

/** A signing key at rest: the public half as it is published, the private half sealed under the master key. */
export interface StoredSigningKey {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly publicJwk: Readonly<Record<string, unknown>>
  readonly sealedPrivateJwk: string
  readonly createdAt: number
  /** Milliseconds since 1970; published before, used from then on. */
  readonly signsFrom: number
  /** Milliseconds since 1970; published and accepted until then. */
  readonly retiresAt: number | undefined
}

export type SigningKeyStore = ReturnType<typeof signingKeysOn>

export function signingKeysOn(db: Kysely<Schema>) {
  return {
    /** All keys, the oldest first. */
    async list(): Promise<StoredSigningKey[]> {
      const rows = await db
        .selectFrom('signing_keys')
        .selectAll()
        .orderBy('created_at')
        .orderBy('signs_from')
        .orderBy('kid')
        .execute()
      return rows.map((row) => ({
        kid: row.kid,
        algorithm: row.algorithm as SigningAlgorithm,
        publicJwk: JSON.parse(row.public_jwk) as Record<string, unknown>,
        sealedPrivateJwk: row.sealed_private_jwk,
        createdAt: row.created_at,
        signsFrom: row.signs_from,
        retiresAt: row.retires_at ?? undefined,
      }))
    },

    async add(key: StoredSigningKey): Promise<void> {
      await db
        .insertInto('signing_keys')
        .values({
          kid: key.kid,
          algorithm: key.algorithm,
          public_jwk: JSON.stringify(key.publicJwk),
          sealed_private_jwk: key.sealedPrivateJwk,
          created_at: key.createdAt,
          signs_from: key.signsFrom,
          retires_at: key.retiresAt ?? null,
        })
        .execute()
    },

    /** Gives every key of the algorithm that has none yet a last day. */
    async retireOthers(algorithm: SigningAlgorithm, successor: string, retiresAt: number): Promise<void> {
      await db
        .updateTable('signing_keys')
        .set({ retires_at: retiresAt })
        .where('algorithm', '=', algorithm)
        .where('kid', '!=', successor)
        .where('retires_at', 'is', null)
        .execute()
    },
  }
}
