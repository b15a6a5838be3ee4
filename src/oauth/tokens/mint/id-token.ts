import { createHash } from 'node:crypto'
import type { JWTPayload } from 'jose'
import type { SignInFacts } from '../../../domain/access/authorization.ts'
import { sectorOf } from '../../../domain/apps/sector.ts'
import { type AppRegistration, ID_TOKEN_LIFETIME } from '../../../domain/apps/trusted-application.ts'
import type { SigningAlgorithm } from '../../../domain/protocol/signing-algorithm.ts'
import type { User } from '../../../domain/users/user.ts'
import { inSeconds } from '../../../lib/time/clock.ts'
import { IDP, subjectOf, type TokenProfile } from './token-profile.ts'
import { userClaims } from './user-claims.ts'

/** What an ID token is made from. */
export interface IdTokenSubject {
  readonly app: AppRegistration
  readonly user: User
  readonly signIn: SignInFacts
  readonly nonce: string | undefined
  /** The access token or code given along with it, which the ID token vouches for. */
  readonly accessToken?: string
  readonly code?: string
  /** Names of claims about the person that it holds as well. */
  readonly claims?: readonly string[]
}

/** The claims of an ID token; profile claims are UserInfo's business, as long as there is an access token for it. @see OIDC Core §2, §3.1.3.6, §3.3.2.11 */
export function idTokenClaims(
  subject: IdTokenSubject,
  profile: TokenProfile,
  algorithm: SigningAlgorithm,
  now: number,
): JWTPayload {
  const { app, user, signIn, nonce, accessToken, code, claims = [] } = subject
  const issuedAt = inSeconds(now)
  return {
    ...userClaims(user, claims),
    iss: profile.issuer,
    sub: subjectOf(user, sectorOf(app), profile),
    aud: app.applicationUri,
    iat: issuedAt,
    exp: issuedAt + inSeconds(ID_TOKEN_LIFETIME),
    auth_time: inSeconds(signIn.authTime),
    sid: signIn.sid,
    amr: signIn.amr,
    acr: signIn.acr,
    idp: IDP,
    ...(nonce === undefined ? {} : { nonce }),
    ...(accessToken === undefined ? {} : { at_hash: leftHalfHash(accessToken, algorithm) }),
    ...(code === undefined ? {} : { c_hash: leftHalfHash(code, algorithm) }),
  }
}

/** The left half of a hash as strong as the signature. @see OIDC Core §3.1.3.6 */
function leftHalfHash(value: string, algorithm: SigningAlgorithm): string {
  const hash = createHash(algorithm === 'EdDSA' ? 'sha512' : 'sha256')
    .update(value, 'ascii')
    .digest()
  return hash.subarray(0, hash.length / 2).toString('base64url')
}
