import type { JWTPayload } from 'jose'
import type { ServiceAuthorization, UserAuthorization } from '../../../domain/access/authorization.ts'
import type { Target } from '../../../domain/access/resource-indicators.ts'
import { sectorOf } from '../../../domain/apps/sector.ts'
import {
  type AppRegistration,
  accessTokenLifetime,
  type TrustedApplication,
} from '../../../domain/apps/trusted-application.ts'
import { NO_CLAIMS, type RequestedClaims } from '../../../domain/protocol/requested-claims.ts'
import { writeTokenId } from '../../../domain/protocol/token-id.ts'
import type { ReferenceToken } from '../../../domain/tokens/reference-token.ts'
import { notBefore } from '../../../domain/tokens/token-times.ts'
import type { User } from '../../../domain/users/user.ts'
import { inSeconds } from '../../../lib/time/clock.ts'
import { IDP, subjectOf, type TokenProfile } from './token-profile.ts'
import { accessTokenUserClaims } from './user-claims.ts'

/** What an access token for a person is made from. */
export interface PersonAccess
  extends Pick<
    UserAuthorization,
    'kind' | 'user' | 'signIn' | 'scope' | 'audience' | 'family' | 'afterSignOut' | 'binding'
  > {
  readonly app: TrustedApplication
  /** What was asked for by name. */
  readonly claims?: RequestedClaims
}

/**
 * The claims of a signed access token.
 * @param now milliseconds since 1970
 * @param nonce makes the `jti` unique
 * @see RFC 9068 §2.2
 */
export function accessTokenClaims(
  authorization: PersonAccess | ServiceAuthorization,
  profile: TokenProfile,
  now: number,
  nonce: string,
): JWTPayload {
  const { app, scope, audience } = authorization
  const issuedAt = inSeconds(now)
  return {
    iss: profile.issuer,
    aud: audienceClaim(audience, profile.issuer),
    iat: issuedAt,
    nbf: notBefore(issuedAt),
    exp: issuedAt + inSeconds(accessTokenLifetime(app)),
    scope: profile.scopeAsArray ? scope : scope.join(' '),
    client_id: app.applicationUri,
    ...(authorization.kind === 'user'
      ? userFlowClaims(authorization, profile, nonce)
      : serviceFlowClaims(authorization, profile, nonce)),
  }
}

/** One audience is a string and several are a list; a token for no API is good for UserInfo alone. @see RFC 7519 §4.1.3 */
const audienceClaim = ([first, ...more]: readonly string[], issuer: string): string | string[] =>
  first === undefined ? issuer : more.length === 0 ? first : [first, ...more]

function userFlowClaims(
  { app, user, scope, signIn, family, afterSignOut, claims = NO_CLAIMS }: PersonAccess,
  profile: TokenProfile,
  nonce: string,
) {
  return {
    jti: writeTokenId({ kind: 'family', family, afterSignOut }, nonce),
    ...personClaims(app, user, profile),
    auth_time: inSeconds(signIn.authTime),
    sid: signIn.sid,
    amr: signIn.amr,
    idp: IDP,
    ...accessTokenUserClaims(user, scope, claims.ofProfile ?? []),
  }
}

/** Who acts, where a token acts for a person; the stable id is nothing that a pairwise app may know. */
const personClaims = (app: AppRegistration, user: User, profile: TokenProfile) => ({
  sub: subjectOf(user, sectorOf(app), profile),
  ...(app.subjectType === 'public' ? { id: user.id } : {}),
  user_type: user.type,
  db: profile.instance,
})

function serviceFlowClaims(
  { app, systemUser, sessionEpoch }: ServiceAuthorization,
  profile: TokenProfile,
  nonce: string,
) {
  const origin = { kind: 'service', appEpoch: app.epoch, userEpoch: systemUser.epoch, sessionEpoch } as const
  return { jti: writeTokenId(origin, nonce), ...serviceClaims(app, systemUser, profile) }
}

/** Who acts, where an app acts on its own. */
const serviceClaims = (app: AppRegistration, systemUser: User, profile: TokenProfile) => ({
  sub: app.applicationUri,
  client_db: profile.instance,
  client_system_user: systemUser.login,
  client_system_user_type: systemUser.type,
  client_system_user_id: systemUser.id,
})

/**
 * What a reference token stands for, in the words of a signed one.
 * @param audience identifiers of the API resources that own its scopes
 */
export const referenceTokenClaims = (
  token: ReferenceToken,
  { scope, audience }: Target,
  app: AppRegistration,
  user: User,
  profile: TokenProfile,
) => ({
  iss: profile.issuer,
  aud: audienceClaim(audience, profile.issuer),
  iat: inSeconds(token.createdAt),
  nbf: notBefore(inSeconds(token.createdAt)),
  exp: inSeconds(token.expiresAt),
  scope: profile.scopeAsArray ? scope : scope.join(' '),
  client_id: app.applicationUri,
  jti: `r.${token.id}`,
  ...(token.kind === 'PAT' ? personClaims(app, user, profile) : serviceClaims(app, user, profile)),
})
