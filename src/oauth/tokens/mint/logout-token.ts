import type { JWTPayload } from 'jose'
import { newId } from '../../../lib/crypto/secrets.ts'
import { inSeconds, MINUTE } from '../../../lib/time/clock.ts'

/** What an app is told has ended. */
export interface EndedSignIn {
  readonly issuer: string
  readonly applicationUri: string
  /** As the app knows the person; nothing where they are forgotten. */
  readonly subject: string | undefined
  readonly sid: string
}

const LIFETIME = 2 * MINUTE

/** The claims of a logout token; never a nonce, so that none passes for an ID token. @see OIDC Back-Channel Logout §2.4 */
export const logoutTokenClaims = ({ issuer, applicationUri, subject, sid }: EndedSignIn, now: number): JWTPayload => ({
  iss: issuer,
  aud: applicationUri,
  iat: inSeconds(now),
  exp: inSeconds(now + LIFETIME),
  jti: newId(),
  events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  ...(subject === undefined ? {} : { sub: subject }),
  sid,
})
