import type {
  Authorization,
  ServiceAuthorization,
  TokenResponse,
  UserAuthorization,
} from '../../../domain/access/authorization.ts'
import type { Audit } from '../../../domain/instance/audit.ts'
import { tokenIssued } from '../../../domain/tokens/token-issued.ts'
import { digest, newSecret, type Random } from '../../../lib/crypto/secrets.ts'
import type { Clock } from '../../../lib/time/clock.ts'
import type { Write } from '../../../store/store.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import { idTokenClaims } from './id-token.ts'
import type { MintAccessToken, MintedAccessToken } from './mint-access-token.ts'
import { answerSecondUse, redeem, type SecondUses } from './redeem.ts'
import type { TokenProfile } from './token-profile.ts'

interface Dependencies {
  readonly write: Write<'sessions' | 'codes' | 'families' | 'refreshTokens' | 'opaqueAccessTokens' | 'auditEvents'>
  readonly keys: Pick<SigningKeys, 'signFor' | 'algorithmFor'>
  readonly mintAccessToken: MintAccessToken
  readonly profile: TokenProfile
  readonly clock: Clock
  readonly random: Random
  readonly audit: Audit
  readonly seconds: SecondUses
}

/** Who asked for tokens and how, for the audit log. */
export interface Requester {
  readonly grant: string
  readonly address: string
}

export type IssueTokens = ReturnType<typeof createIssueTokens>

/**
 * Turns what a grant decided into tokens. Signing comes first and the transaction last, so that a code or refresh token
 * is used up only together with what it was exchanged for.
 */
export function createIssueTokens(dependencies: Dependencies) {
  const { write, keys, mintAccessToken, profile, clock, random, audit, seconds } = dependencies

  async function mintForUser(authorization: UserAuthorization): Promise<MintedAccessToken> {
    const minted = await mintAccessToken(authorization)
    const { response: access } = minted
    const { app, user, signIn, nonce, claims, scope, refreshUntil } = authorization
    const subject = {
      app,
      user,
      signIn,
      nonce,
      accessToken: access.access_token,
      claims: claims.idToken,
    }
    const response = {
      ...access,
      ...(refreshUntil === undefined ? {} : { refresh_token: newSecret(random) }),
      ...(scope.includes('openid')
        ? {
            id_token: await keys.signFor(app, idTokenClaims(subject, profile, keys.algorithmFor(app), clock()), 'JWT'),
          }
        : {}),
    }
    return { ...minted, response }
  }

  async function issueForService(authorization: ServiceAuthorization, requester: Requester): Promise<TokenResponse> {
    const minted = await mintAccessToken(authorization)
    const { opaque } = minted
    if (opaque) await write(({ opaqueAccessTokens }) => opaqueAccessTokens.add(opaque))
    // A token that is checked without a look at the database is not held up by a write.
    audit.note(tokenIssued({ ...authorization, ...minted, ...requester, user: authorization.systemUser }))
    return minted.response
  }

  async function issueForUser(authorization: UserAuthorization, requester: Requester): Promise<TokenResponse> {
    const minted = await mintForUser(authorization)
    const { response, opaque } = minted
    const { app, use, family, refreshUntil } = authorization
    const redeemed = await write(async (unit) => {
      const redeemed = await redeem(authorization, response, unit, clock())
      if (redeemed !== 'first') return redeemed
      if (opaque) await unit.opaqueAccessTokens.add(opaque)
      if (response.refresh_token !== undefined && refreshUntil !== undefined) {
        const token = { family, issuedAt: clock(), expiresAt: refreshUntil }
        await unit.refreshTokens.add(digest(response.refresh_token), token)
      }
      await audit.within(unit, tokenIssued({ ...authorization, ...minted, ...requester }))
      return redeemed
    })
    switch (redeemed) {
      case 'first':
        return response
      case 'second':
        return answerSecondUse(use, app, seconds)
      // What was minted before the sign-out would be dead on arrival. Nobody takes a sign-out back, so this comes once.
      case 'signed out since':
        return issueForUser({ ...authorization, afterSignOut: true }, requester)
    }
  }

  return async function issueTokens(authorization: Authorization, requester: Requester): Promise<TokenResponse> {
    switch (authorization.kind) {
      case 'used before':
        return answerSecondUse(authorization.use, authorization.app, seconds)
      case 'service':
        return issueForService(authorization, requester)
      case 'user':
        return issueForUser(authorization, requester)
    }
  }
}
