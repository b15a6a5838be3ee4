import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose'
import { remember } from './remember.ts'

const AUDIENCE = 'DomainAPI'

// Where a signature is checked with a published key, no algorithm with a shared secret has a place.
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']

/** Thrown when a token must not be accepted; the message says why. */
export class TokenRefused extends Error {}

/** Gives the claims of an access token that this API may rely on. */
export type VerifyAccessToken = (token: string) => Promise<JWTPayload>

interface ServerMetadata {
  readonly issuer: string
  readonly jwks_uri: string
}

/** @see OpenID Connect Discovery 1.0 §4.3 */
async function discover(issuer: string): Promise<ServerMetadata> {
  const answer = await fetch(`${issuer}/.well-known/openid-configuration`, { signal: AbortSignal.timeout(5000) })
  if (!answer.ok) throw new Error(`discovery answered ${answer.status}`)
  const metadata = (await answer.json()) as ServerMetadata
  if (metadata.issuer !== issuer) throw new Error(`discovery of ${issuer} names another issuer: ${metadata.issuer}`)
  return metadata
}

// What keeps keys from being fetched is trouble on our side and says nothing about the token.
const isAboutTheToken = (error: unknown): error is errors.JOSEError =>
  error instanceof errors.JOSEError &&
  !['ERR_JOSE_GENERIC', errors.JWKSTimeout.code, errors.JWKSInvalid.code].includes(error.code)

/**
 * Checks access tokens against the server's published keys; these are fetched when first needed.
 * @throws TokenRefused when the token is not good; anything else when the keys cannot be had
 * @see RFC 9068 §4
 */
export function createTokenVerifier(issuer: string): VerifyAccessToken {
  const keys = remember(async () => createRemoteJWKSet(new URL((await discover(issuer)).jwks_uri)))
  return async (token) => {
    const getKey = await keys()
    const rules = {
      issuer,
      audience: AUDIENCE,
      typ: 'at+jwt',
      algorithms: ALGORITHMS,
      clockTolerance: 5,
      requiredClaims: ['exp', 'iat', 'sub', 'jti', 'client_id'],
    }
    try {
      return (await jwtVerify(token, getKey, rules)).payload
    } catch (error) {
      if (isAboutTheToken(error)) throw new TokenRefused(error.message)
      throw error
    }
  }
}

/** Does the token carry this scope? @see RFC 9068 §2.2.3 */
export const hasScope = ({ scope }: JWTPayload, needed: string): boolean =>
  typeof scope === 'string' && scope.split(' ').includes(needed)
