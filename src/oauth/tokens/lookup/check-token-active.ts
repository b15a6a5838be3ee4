import type { JWTPayload } from 'jose'
import { whyEnded } from '../../../domain/access/grant-status.ts'
import { whyNotAdmitted } from '../../../domain/access/user-access.ts'
import type { TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import { NO_CLAIMS } from '../../../domain/protocol/requested-claims.ts'
import { stillRegistered } from '../../../domain/protocol/scope.ts'
import { readTokenId, type TokenOrigin } from '../../../domain/protocol/token-id.ts'
import { seatOfApp, seatOfSignIn } from '../../../domain/sessions/seat.ts'
import { whyNotActing } from '../../../domain/tokens/reference-token.ts'
import type { User } from '../../../domain/users/user.ts'
import { digest } from '../../../lib/crypto/secrets.ts'
import type { Repositories } from '../../../store/store.ts'
import { type ActiveAccessToken, FOREIGN, type InactiveToken, inactive } from './token-status.ts'

type Reading = Pick<Repositories, 'apps' | 'users' | 'families' | 'sessionEpochs' | 'revokedAccessTokens'>

/** Says whether what an access token carries still holds: whether it was revoked, or a kill switch ended what it grew from. */
export function createCheckTokenActive(read: Reading) {
  async function whyServiceEnded(
    origin: TokenOrigin & { readonly kind: 'service' },
    app: TrustedApplication,
    user: User,
  ): Promise<string | undefined> {
    const presentSessionEpoch = await read.sessionEpochs.find(app.applicationUri, user.id)
    return whyEnded({ ...origin, presentSessionEpoch }, app, user) ?? whyNotActing(app, user)
  }

  return async function checkTokenActive(claims: JWTPayload): Promise<ActiveAccessToken | InactiveToken> {
    const { jti, exp } = claims
    if (jti === undefined || exp === undefined) return FOREIGN
    if (await read.revokedAccessTokens.has(digest(jti)))
      return inactive('access-token-revoked', 'the app revoked this access token')
    const origin = readTokenId(jti)
    const app = await read.apps.find(String(claims['client_id']))
    if (!origin || !app) return inactive('access-token-ended', 'the app the token was issued to was removed')
    const family = origin.kind === 'family' ? await read.families.find(origin.family) : undefined
    if (origin.kind === 'family' && (!family || family.revokedAt !== undefined))
      return inactive('access-token-revoked', 'all tokens of this sign-in were revoked', app)
    if (origin.kind === 'family' && family?.signedOutAt !== undefined && !origin.afterSignOut)
      return inactive('access-token-signed-out', 'the person signed out of the session it was issued in', app)
    const user = await read.users.find(family?.userId ?? String(claims['client_system_user_id']))
    if (!user) return inactive('access-token-ended', 'the user the token acts for was removed')
    const ended =
      origin.kind === 'service'
        ? await whyServiceEnded(origin, app, user)
        : ((family && whyEnded(family, app, user)) ?? whyNotAdmitted(app, user))
    if (ended !== undefined) return { ...inactive('access-token-ended', ended, app), user: user.id }
    return {
      kind: 'access_token',
      claims: { ...claims, jti, exp },
      scope: stillRegistered([claims['scope']].flat().join(' ').split(' '), app),
      app,
      user,
      sessionEpoch: origin.kind === 'service' ? origin.sessionEpoch : (family?.sessionEpoch ?? 0),
      interactive: origin.kind === 'family',
      // A person who signs out and lets an app stay connected calls on from the same seat.
      seat: family ? seatOfSignIn(family.signIn.sid) : seatOfApp(app.applicationUri, user.id),
      session: origin.kind === 'family' && !origin.afterSignOut ? family?.signIn.sid : undefined,
      requested: family?.claims ?? NO_CLAIMS,
      reference: undefined,
    }
  }
}
