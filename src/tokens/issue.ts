import type { Authorization, ServiceAuthorization, TokenResponse, UserAuthorization } from '../domain/authorization.ts'
import { accessTokenLifetime } from '../domain/trusted-application.ts'
import { type Clock, inSeconds } from '../lib/clock.ts'
import { digest, newSecret, type Random } from '../lib/secrets.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import { accessTokenClaims } from './access-token.ts'
import { idTokenClaims } from './id-token.ts'
import type { TokenSettings } from './settings.ts'
import type { SigningKeys } from './signing-keys.ts'

interface Dependencies {
  readonly store: Pick<Store, 'write'>
  readonly keys: Pick<SigningKeys, 'sign' | 'algorithm'>
  readonly settings: TokenSettings
  readonly clock: Clock
  readonly random: Random
}

export type IssueTokens = ReturnType<typeof createIssueTokens>

/**
 * Turns what a grant decided into tokens. Signing comes first and the transaction last, so that a code or refresh token
 * is used up only together with what it was exchanged for.
 */
export function createIssueTokens({ store, keys, settings, clock, random }: Dependencies) {
  async function signAccessToken(
    authorization: UserAuthorization<Repositories> | ServiceAuthorization,
  ): Promise<TokenResponse> {
    const claims = accessTokenClaims(authorization, settings, clock(), random(16).toString('base64url'))
    return {
      access_token: await keys.sign(claims, 'at+jwt'),
      token_type: 'Bearer',
      expires_in: inSeconds(accessTokenLifetime(authorization.app)),
      scope: authorization.scope.join(' '),
    }
  }

  async function mintForUser(authorization: UserAuthorization<Repositories>): Promise<TokenResponse> {
    const access = await signAccessToken(authorization)
    const { app, user, signIn, nonce, scope, refreshUntil } = authorization
    const subject = { applicationUri: app.applicationUri, user, signIn, nonce, accessToken: access.access_token }
    return {
      ...access,
      ...(refreshUntil === undefined ? {} : { refresh_token: newSecret(random) }),
      ...(scope.includes('openid')
        ? { id_token: await keys.sign(idTokenClaims(subject, settings, keys.algorithm, clock()), 'JWT') }
        : {}),
    }
  }

  async function issueForUser(authorization: UserAuthorization<Repositories>): Promise<TokenResponse> {
    const response = await mintForUser(authorization)
    const { redemption, family, refreshUntil } = authorization
    const first = await store.write(async (unit) => {
      if (!(await redemption.spend(unit, response))) return false
      if (response.refresh_token !== undefined && refreshUntil !== undefined) {
        const token = { family, issuedAt: clock(), expiresAt: refreshUntil }
        await unit.refreshTokens.add(digest(response.refresh_token), token)
      }
      return true
    })
    return first ? response : redemption.tooLate()
  }

  return async function issueTokens(authorization: Authorization<Repositories>): Promise<TokenResponse> {
    switch (authorization.kind) {
      case 'answered':
        return authorization.response
      case 'service':
        return signAccessToken(authorization)
      case 'user':
        return issueForUser(authorization)
    }
  }
}
