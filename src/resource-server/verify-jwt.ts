import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { hasTwinNames, isNestedTooDeep } from './nested.ts'
import type { Settings } from './options.ts'
import { invalidToken } from './refused.ts'

// Where a signature is checked with a published key, no algorithm with a shared secret has a place.
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']

// Seconds by which two clocks may differ: a token counts so long after its end, and so long before its beginning.
const LATE = 5
const EARLY = 60

type Dependencies = Pick<Settings, 'issuer' | 'audience' | 'clock'> & { readonly keys: JWTVerifyGetKey }

export type VerifyJwt = ReturnType<typeof createVerifyJwt>

/**
 * Checks a signed access token against the published keys.
 * @throws Refused when the token is not good; ServerTrouble when the keys cannot be had
 * @see RFC 9068 §4
 */
export function createVerifyJwt({ issuer, audience, clock, keys }: Dependencies) {
  return async (token: string): Promise<JWTPayload> => {
    const now = clock()
    const rules = {
      ...{ issuer, audience, typ: 'at+jwt', algorithms: ALGORITHMS, clockTolerance: EARLY },
      currentDate: new Date(now),
      requiredClaims: ['exp', 'iat', 'sub', 'jti', 'client_id'],
    }
    if (partsOf(token).some((part) => isNestedTooDeep(part) || hasTwinNames(part))) throw invalidToken(UNREADABLE)
    try {
      const { payload } = await jwtVerify(token, keys, rules)
      requireNow(payload, now / 1000)
      return payload
    } catch (error) {
      if (error instanceof errors.JOSEError) throw invalidToken(describe(error, audience), error)
      throw error
    }
  }
}

/** @param now seconds since 1970 */
function requireNow({ exp = 0, iat = 0 }: JWTPayload, now: number): void {
  if (exp <= now - LATE) throw invalidToken(EXPIRED)
  if (iat > now + EARLY) throw invalidToken(NOT_YET)
}

/** Header and payload as texts. */
const partsOf = (token: string): string[] =>
  token.split('.', 2).map((part) => Buffer.from(part, 'base64url').toString('utf8'))

function describe(error: errors.JOSEError, audience: string): string {
  if (error instanceof errors.JWTExpired) return EXPIRED
  if (error instanceof errors.JWTClaimValidationFailed) return describeClaim(error, audience)
  return SAID[error.code] ?? UNREADABLE
}

const EXPIRED = 'the access token has expired'
const NOT_YET = 'the access token is not valid yet: a clock is wrong'
const UNREADABLE = 'this is not a readable access token'
const UNKNOWN_KEY = 'the access token is signed with a key that the issuer does not publish'
const UNKNOWN_ALGORITHM = 'the access token is signed with an algorithm that is not accepted'

const SAID: Readonly<Record<string, string>> = {
  [errors.JWSSignatureVerificationFailed.code]: 'the signature of the access token is wrong',
  [errors.JWKSNoMatchingKey.code]: UNKNOWN_KEY,
  [errors.JWKSMultipleMatchingKeys.code]: UNKNOWN_KEY,
  [errors.JOSEAlgNotAllowed.code]: UNKNOWN_ALGORITHM,
  [errors.JOSENotSupported.code]: UNKNOWN_ALGORITHM,
}

function describeClaim({ claim, reason }: errors.JWTClaimValidationFailed, audience: string): string {
  if (reason === 'missing') return `the access token lacks the claim ${claim}`
  switch (claim) {
    case 'typ':
      return 'this is not an access token: its typ is not at+jwt'
    case 'iss':
      return 'the access token is from another issuer'
    case 'aud':
      return `the access token is for another API: its aud does not name ${audience}`
    case 'nbf':
    case 'iat':
      return NOT_YET
    default:
      return `the claim ${claim} of the access token is malformed`
  }
}
