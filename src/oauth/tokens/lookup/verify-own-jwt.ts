import { type CryptoKey, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import type { SigningAlgorithm } from '../../../domain/protocol/signing-algorithm.ts'
import { CLOCKS_DIFFER } from '../../../domain/tokens/token-times.ts'
import { readCompactJws } from '../../../lib/crypto/compact-jws.ts'
import { type Clock, SECOND } from '../../../lib/time/clock.ts'
import type { SigningKeys, TokenType } from '../keys/signing-keys.ts'

const LONGEST_JWT = 16_384

interface Expected {
  readonly typ: TokenType
  readonly issuer: string
  readonly clock: Clock
  /** A genuine hint counts although it has expired. @see OIDC RP-Initiated Logout §2 */
  readonly acceptExpired?: boolean
}

/** Why a JWT does not count: not ours or not of that kind, or ours at another time. */
export type JwtFault =
  | { readonly fault: 'foreign' }
  /** Milliseconds since 1970. */
  | { readonly fault: 'expired' | 'not yet valid'; readonly at: number }

/**
 * Verifies a JWT that this server signed itself: our key, our algorithm, our issuer, the right kind.
 * @returns its claims, or `undefined` for anything else
 * @see RFC 8725 §3
 */
export async function verifyOwnJwt(
  jwt: string,
  keys: Pick<SigningKeys, 'verificationKey'>,
  expected: Expected,
): Promise<JWTPayload | undefined> {
  const verified = await verifyOwnJwtOrFault(jwt, keys, expected)
  return 'fault' in verified ? undefined : verified.claims
}

/** The same, and what is wrong where something is. @see RFC 8725 §3 */
export async function verifyOwnJwtOrFault(
  jwt: string,
  keys: Pick<SigningKeys, 'verificationKey'>,
  expected: Expected,
): Promise<{ readonly claims: JWTPayload } | JwtFault> {
  if (!isSpelledAsHere(jwt)) return { fault: 'foreign' }
  const found = await keyOf(jwt, keys)
  if (!found) return { fault: 'foreign' }
  const now = expected.clock()
  const acceptExpired = expected.acceptExpired === true
  try {
    const { payload } = await jwtVerify(jwt, found.key, {
      algorithms: [found.algorithm],
      issuer: expected.issuer,
      typ: expected.typ,
      requiredClaims: ['sub', 'aud', 'iat', 'exp'],
      currentDate: new Date(now),
      clockTolerance: acceptExpired ? Number.MAX_SAFE_INTEGER : CLOCKS_DIFFER / SECOND,
    })
    if (!hasWholeTimes(payload)) return { fault: 'foreign' }
    return (acceptExpired ? undefined : whyNotNow(payload, now)) ?? { claims: payload }
  } catch (error) {
    if (error instanceof errors.JOSEError) return faultOf(error)
    throw error
  }
}

/** Only the times are told apart: they show that a clock is off. */
function faultOf(error: errors.JOSEError): JwtFault {
  if (error instanceof errors.JWTExpired) return { fault: 'expired', at: (error.payload.exp ?? 0) * 1000 }
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf' && error.reason === 'check_failed')
    return { fault: 'not yet valid', at: (error.payload.nbf ?? 0) * 1000 }
  return { fault: 'foreign' }
}

/** What another node has just signed may be of a time to come, but nothing outlives its end. @see RFC 7519 §4.1.4, §4.1.6 */
function whyNotNow({ exp = 0, iat = 0 }: JWTPayload, now: number): JwtFault | undefined {
  if (exp * SECOND <= now) return { fault: 'expired', at: exp * SECOND }
  return iat * SECOND > now + CLOCKS_DIFFER ? { fault: 'not yet valid', at: iat * SECOND } : undefined
}

/** Times are written in whole seconds here; any other number would be a lifetime that nobody meant. */
const hasWholeTimes = ({ exp, iat, nbf }: JWTPayload): boolean =>
  [exp, iat, nbf].every((time) => time === undefined || (Number.isSafeInteger(time) && time >= 0))

/**
 * One token has one spelling: a signed compact JWS, of JSON as it is written here. A number too large to hold, for one, is read by each
 * library in its own way. @see RFC 8259 §6
 */
function isSpelledAsHere(jwt: string): boolean {
  const jws = readCompactJws(jwt, LONGEST_JWT)
  if (!jws || jwt.endsWith('.')) return false
  const [header, payload] = jwt.split('.')
  return header === encodeJson(jws.header) && payload === encodeJson(jws.payload)
}

const encodeJson = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

async function keyOf(
  jwt: string,
  keys: Pick<SigningKeys, 'verificationKey'>,
): Promise<{ key: CryptoKey; algorithm: SigningAlgorithm } | undefined> {
  try {
    const { kid } = decodeProtectedHeader(jwt)
    return typeof kid === 'string' ? await keys.verificationKey(kid) : undefined
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}
