import type { ServiceAuthorization, TokenResponse } from '../../../domain/access/authorization.ts'
import { TOKEN_TYPES } from '../../../domain/access/token-binding.ts'
import { accessTokenLifetime } from '../../../domain/apps/trusted-application.ts'
import { digest, type Random } from '../../../lib/crypto/secrets.ts'
import { type Clock, inSeconds } from '../../../lib/time/clock.ts'
import type { OpaqueAccessToken } from '../../../store/repositories/tokens/opaque-access-tokens.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import { accessTokenClaims, type PersonAccess } from './access-token.ts'
import { newOpaqueToken } from './opaque-token.ts'
import type { TokenProfile } from './token-profile.ts'

interface Dependencies {
  readonly keys: Pick<SigningKeys, 'signFor'>
  readonly profile: TokenProfile
  readonly clock: Clock
  readonly random: Random
}

export interface MintedAccessToken {
  readonly response: TokenResponse
  /** The `jti` of the access token, which names it without being it. */
  readonly tokenId: string
  /** What the answer does not carry, to be stored with the rest. */
  readonly opaque: OpaqueAccessToken | undefined
}

export type MintAccessToken = ReturnType<typeof createMintAccessToken>

/** Makes an access token in the format of the app's record: signed, or a reference to what is kept here. @see RFC 9068 §2 */
export const createMintAccessToken =
  ({ keys, profile, clock, random }: Dependencies) =>
  async (authorization: PersonAccess | ServiceAuthorization): Promise<MintedAccessToken> => {
    const { app, scope, binding } = authorization
    const claims = accessTokenClaims(authorization, profile, clock(), random(16).toString('base64url'))
    const value = app.accessTokenFormat === 'jwt' ? undefined : newOpaqueToken(random)
    const response: TokenResponse = {
      access_token: value ?? (await keys.signFor(app, claims, 'at+jwt')),
      token_type: TOKEN_TYPES[binding],
      expires_in: inSeconds(accessTokenLifetime(app)),
      scope: scope.join(' '),
    }
    const opaque =
      value === undefined ? undefined : { digest: digest(value), claims, expiresAt: Number(claims.exp) * 1000 }
    return { response, tokenId: String(claims.jti), opaque }
  }
