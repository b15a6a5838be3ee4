import type { JWTPayload } from 'jose'
import { type Sector, sectorOf } from '../../../domain/apps/sector.ts'
import type { TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import type { User } from '../../../domain/users/user.ts'
import { newId } from '../../../lib/crypto/secrets.ts'
import { type Clock, inSeconds, MINUTE } from '../../../lib/time/clock.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'

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

interface Signing {
  readonly keys: Pick<SigningKeys, 'signFor'>
  readonly issuer: string
  readonly subjectOf: (user: User, sector: Sector) => string
  readonly clock: Clock
}

/** Makes the logout token for an app, signed as its ID tokens are. */
export const createSignLogoutToken =
  ({ keys, issuer, subjectOf, clock }: Signing) =>
  (app: TrustedApplication, user: User | undefined, sid: string): Promise<string> => {
    const subject = user && subjectOf(user, sectorOf(app))
    const claims = logoutTokenClaims({ issuer, applicationUri: app.applicationUri, subject, sid }, clock())
    return keys.signFor(app, claims, 'logout+jwt')
  }
