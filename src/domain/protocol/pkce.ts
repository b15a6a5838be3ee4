import { createHash } from 'node:crypto'
import { sameDigest } from '../../lib/crypto/secrets.ts'

/** A code challenge of method S256 is a base64url SHA-256. @see RFC 7636 §4.2 */
export const isCodeChallenge = (value: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(value)

/** @see RFC 7636 §4.1 */
export const isCodeVerifier = (value: string): boolean => /^[A-Za-z0-9._~-]{43,128}$/.test(value)

/** Does this verifier belong to that S256 challenge? @see RFC 7636 §4.6 */
export const verifierMatches = (verifier: string, challenge: string): boolean =>
  isCodeVerifier(verifier) && sameDigest(createHash('sha256').update(verifier, 'ascii').digest('base64url'), challenge)
