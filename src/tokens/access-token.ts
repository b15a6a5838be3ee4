import type { JWTPayload } from 'jose'
import type { ServiceAuthorization, UserAuthorization } from '../domain/authorization.ts'
import { apiScopesOf } from '../domain/scope.ts'
import { writeTokenId } from '../domain/token-id.ts'
import { accessTokenLifetime } from '../domain/trusted-application.ts'
import { inSeconds } from '../lib/clock.ts'
import { subjectOf, type TokenSettings } from './settings.ts'
import { accessTokenUserClaims } from './user-claims.ts'

/**
 * The claims of a signed access token.
 * @param now milliseconds since 1970
 * @param nonce makes the `jti` unique
 * @see RFC 9068 §2.2
 */
export function accessTokenClaims<Unit>(
  authorization: UserAuthorization<Unit> | ServiceAuthorization,
  settings: TokenSettings,
  now: number,
  nonce: string,
): JWTPayload {
  const { app, scope } = authorization
  const issuedAt = inSeconds(now)
  return {
    iss: settings.issuer,
    // A token without API scopes is good for UserInfo alone.
    aud: apiScopesOf(scope).length > 0 ? settings.audience : settings.issuer,
    iat: issuedAt,
    nbf: issuedAt,
    exp: issuedAt + inSeconds(accessTokenLifetime(app)),
    scope: settings.scopeAsArray ? scope : scope.join(' '),
    client_id: app.applicationUri,
    ...(authorization.kind === 'user'
      ? userFlowClaims(authorization, settings, nonce)
      : serviceFlowClaims(authorization, settings, nonce)),
  }
}

function userFlowClaims<Unit>(
  { user, scope, signIn, family }: UserAuthorization<Unit>,
  settings: TokenSettings,
  nonce: string,
) {
  return {
    jti: writeTokenId({ kind: 'family', family }, nonce),
    sub: subjectOf(user, settings),
    id: user.id,
    auth_time: inSeconds(signIn.authTime),
    sid: signIn.sid,
    amr: signIn.amr,
    user_type: user.type,
    db: settings.instance,
    ...accessTokenUserClaims(user, scope),
  }
}

function serviceFlowClaims({ app, systemUser }: ServiceAuthorization, settings: TokenSettings, nonce: string) {
  return {
    jti: writeTokenId({ kind: 'service', appEpoch: app.epoch, userEpoch: systemUser.epoch }, nonce),
    sub: app.applicationUri,
    client_db: settings.instance,
    client_system_user: systemUser.login,
    client_system_user_type: systemUser.type,
    client_system_user_id: systemUser.id,
  }
}
