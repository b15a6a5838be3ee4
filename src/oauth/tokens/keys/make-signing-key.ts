import { exportJWK, generateKeyPair } from 'jose'
import type { SigningAlgorithm } from '../../../domain/protocol/signing-algorithm.ts'
import { type SealingKey, seal } from '../../../lib/crypto/sealed-box.ts'
import type { StoredSigningKey } from '../../../store/repositories/tokens/signing-keys.ts'

// Bits; only for RSA.
const MODULUS = 2048

/**
 * Makes a key that signs from this moment on; its private half leaves sealed under the master key.
 * @param now milliseconds since 1970
 */
export async function makeSigningKey(
  algorithm: SigningAlgorithm,
  now: number,
  sealingKey: SealingKey,
): Promise<StoredSigningKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true, modulusLength: MODULUS })
  const publicJwk = await exportJWK(pair.publicKey)
  const kid = Buffer.from(crypto.getRandomValues(new Uint8Array(12))).toString('base64url')
  return {
    kid,
    algorithm,
    publicJwk: { ...publicJwk, kid, alg: algorithm, use: 'sig' },
    sealedPrivateJwk: seal(sealingKey, JSON.stringify(await exportJWK(pair.privateKey)), kid),
    createdAt: now,
    signsFrom: now,
    retiresAt: undefined,
  }
}
