import type { Audit } from '../../../domain/instance/audit.ts'
import { digest } from '../../../lib/crypto/secrets.ts'
import type { Clock } from '../../../lib/time/clock.ts'
import type { Write } from '../../../store/store.ts'
import type { FindToken } from './find-token.ts'

interface Dependencies {
  readonly writeEnding: Write<'families' | 'referenceTokens' | 'revokedAccessTokens' | 'tokenNotices' | 'auditEvents'>
  readonly findToken: FindToken
  readonly clock: Clock
  readonly audit: Pick<Audit, 'within'>
}

export type RevokeToken = ReturnType<typeof createRevokeToken>

/** Ends a token: a refresh token with its whole family, an access token alone. @see RFC 7009 §2.1 */
export function createRevokeToken({ writeEnding, findToken, clock, audit }: Dependencies) {
  return async function revokeToken(
    value: string,
    applicationUri: string,
    address: string,
  ): Promise<'revoked' | 'not live' | 'of another app'> {
    const token = await findToken(value)
    if (!token) return 'not live'
    if (token.app.applicationUri !== applicationUri) return 'of another app'
    const what = token.kind === 'refresh_token' ? { family: token.family } : { token: token.claims.jti }
    const concerned = { app: applicationUri, user: token.user.id }
    const revoked = {
      event: 'token_revoked',
      actor: `app:${applicationUri}`,
      app: applicationUri,
      user: token.user.id,
      address,
      detail: { kind: token.kind, ...what },
    } as const
    await writeEnding(async (unit) => {
      const { families, referenceTokens, revokedAccessTokens, tokenNotices } = unit
      if (token.kind === 'refresh_token') await families.revoke(token.family, clock())
      else if (token.reference !== undefined) await referenceTokens.revoke(token.reference, clock())
      else {
        await revokedAccessTokens.add(digest(token.claims.jti), token.claims.exp * 1000)
        await tokenNotices.add(concerned, clock())
      }
      await audit.within(unit, revoked)
    })
    return 'revoked'
  }
}
