import type { Kysely, Selectable } from 'kysely'
import type { SigningAlgorithm } from '../../../domain/protocol/signing-algorithm.ts'
import type { KeyTimes } from '../../../domain/tokens/signing-key-life.ts'
import type { SealedRow } from '../../../lib/crypto/sealed-box.ts'
import type { Schema } from '../../schema/schema.ts'

/** A signing key at rest: the public half as it is published, the private half sealed under the master key. */
export interface StoredSigningKey extends KeyTimes {
  readonly publicJwk: Readonly<Record<string, unknown>>
  readonly sealedPrivateJwk: SealedRow
}

const toKey = (row: Selectable<Schema['signing_keys']>): StoredSigningKey => ({
  kid: row.kid,
  algorithm: row.algorithm as SigningAlgorithm,
  publicJwk: JSON.parse(row.public_jwk) as Record<string, unknown>,
  sealedPrivateJwk: row.sealed_private_jwk as SealedRow,
  createdAt: row.created_at,
  signsFrom: row.signs_from,
  retiresAt: row.retires_at ?? undefined,
})

export type SigningKeyStore = ReturnType<typeof signingKeysOn>

export function signingKeysOn(db: Kysely<Schema>) {
  const all = db.selectFrom('signing_keys').selectAll().orderBy('created_at').orderBy('signs_from').orderBy('kid')

  return {
    /** All keys, or those of an algorithm; the oldest first. */
    async list(algorithm?: SigningAlgorithm): Promise<StoredSigningKey[]> {
      const some = algorithm === undefined ? all : all.where('algorithm', '=', algorithm)
      return (await some.execute()).map(toKey)
    },

    /** The key of this id and all others of its algorithm, the oldest first; none where there is no such key. */
    async kinOf(kid: string): Promise<StoredSigningKey[]> {
      const algorithm = db.selectFrom('signing_keys').select('algorithm').where('kid', '=', kid)
      return (await all.where('algorithm', '=', algorithm).execute()).map(toKey)
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

    /** Lets a key that waits for its turn sign from an earlier moment on. */
    async bringForward(kid: string, signsFrom: number): Promise<void> {
      await db
        .updateTable('signing_keys')
        .set({ signs_from: signsFrom })
        .where('kid', '=', kid)
        .where('signs_from', '>', signsFrom)
        .execute()
    },

    /** Takes a key away: one that has signed nothing yet, or so that nothing it signed is good any more. */
    async remove(kid: string): Promise<void> {
      await db.deleteFrom('signing_keys').where('kid', '=', kid).execute()
    },

    /** Gives a key that signs on for longer than was planned a later last day, or takes it back where nothing follows. */
    async keepUntil(kid: string, retiresAt: number | null): Promise<void> {
      await db.updateTable('signing_keys').set({ retires_at: retiresAt }).where('kid', '=', kid).execute()
    },

    /** Gives every other key of the algorithm a last day, where it has none yet or a later one. */
    async retireOthers(algorithm: SigningAlgorithm, successor: string, retiresAt: number): Promise<void> {
      await db
        .updateTable('signing_keys')
        .set({ retires_at: retiresAt })
        .where('algorithm', '=', algorithm)
        .where('kid', '!=', successor)
        .where((eb) => eb.or([eb('retires_at', 'is', null), eb('retires_at', '>', retiresAt)]))
        .execute()
    },
  }
}
