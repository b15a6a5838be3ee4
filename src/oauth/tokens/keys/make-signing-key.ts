import { exportJWK, generateKeyPair } from 'jose'
import type { SigningAlgorithm } from '../../../domain/protocol/signing-algorithm.ts'
import type { SealedRows, UnitWithMark } from '../../../lib/crypto/master-keys.ts'
import type { StoredSigningKey } from '../../../store/repositories/tokens/signing-keys.ts'

/** A key that nothing knows yet. */
export interface FreshSigningKey {
  readonly algorithm: SigningAlgorithm
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** The key as it is stored by this unit of work, its private half under the master key in force. */
  sealIn(unit: UnitWithMark): Promise<StoredSigningKey>
}

// Bits; only for RSA.
const MODULUS = 2048

/**
 * Makes a key that signs from this moment on; its private half is sealed by whoever stores it.
 * @param now milliseconds since 1970
 */
export async function makeSigningKey(
  algorithm: SigningAlgorithm,
  now: number,
  sealed: Pick<SealedRows, 'sealIn'>,
): Promise<FreshSigningKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true, modulusLength: MODULUS })
  const publicJwk = await exportJWK(pair.publicKey)
  const privateJwk = JSON.stringify(await exportJWK(pair.privateKey))
  // A dash in front would be read as a flag by `tessera key revoke KID`.
  const kid = Buffer.from(crypto.getRandomValues(new Uint8Array(12)))
    .toString('base64url')
    .replace(/^-/, '_')
  return {
    algorithm,
    createdAt: now,
    async sealIn(unit) {
      const seal = await sealed.sealIn(unit)
      return {
        kid,
        algorithm,
        publicJwk: { ...publicJwk, kid, alg: algorithm, use: 'sig' },
        sealedPrivateJwk: seal(privateJwk, kid),
        createdAt: now,
        signsFrom: now,
        retiresAt: undefined,
      }
    },
  }
}
