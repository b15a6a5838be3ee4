import type { Audit } from '../../../domain/instance/audit.ts'
import { digest } from '../../../lib/crypto/secrets.ts'
import type { Clock } from '../../../lib/time/clock.ts'
import type { Repositories, Write } from '../../../store/store.ts'
import type { FindToken } from './find-token.ts'
import type { ActiveToken } from './token-status.ts'

type Ended = 'families' | 'referenceTokens' | 'revokedAccessTokens'
type Unit = Pick<Repositories, Ended>

interface Dependencies {
  readonly writeEnding: Write<Ended | 'tokenNotices' | 'auditEvents'>
  readonly findToken: FindToken
  readonly clock: Clock
  readonly audit: Pick<Audit, 'within'>
}

export type RevokeToken = ReturnType<typeof createRevokeToken>

/** Ends a token: a refresh token with its whole family, an access token alone. @see RFC 7009 §2.1 */
export function createRevokeToken({ writeEnding, findToken, clock, audit }: Dependencies) {
  /** @returns false where somebody else has just ended it */
  function end(token: ActiveToken, { families, referenceTokens, revokedAccessTokens }: Unit): Promise<boolean> {
    if (token.kind === 'refresh_token') return families.revoke(token.family, clock())
    if (token.reference !== undefined) return referenceTokens.revoke(token.reference, clock())
    return revokedAccessTokens.add(digest(token.claims.jti), token.claims.exp * 1000)
  }

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
      // Of many at once the first is on record.
      if (!(await end(token, unit))) return
      if (token.kind !== 'refresh_token' && token.reference === undefined)
        await unit.tokenNotices.add(concerned, clock())
      await audit.within(unit, revoked)
    })
    return 'revoked'
  }
}
