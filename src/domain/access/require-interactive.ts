import { actsAlone, isInteractive, type TrustedApplication } from '../apps/trusted-application.ts'
import { Refused } from '../refusals/errors.ts'

/** Refuses what is for people to apps through which nobody may sign in. @throws Refused @see RFC 6749 §4.1.2.1, §5.2 */
export function requireInteractive(app: TrustedApplication): void {
  if (isInteractive(app)) return
  throw new Refused('unauthorized_client', 'the app may not sign people in', {
    rule: 'sign-in-not-allowed',
    client_id: app.applicationUri,
    cause: actsAlone(app)
      ? 'nobody signs in to this app: it acts on its own'
      : 'the record admits neither internal nor community users',
    expected: actsAlone(app)
      ? 'an app that people sign in to'
      : 'ImpersonateAsInternalUserAllowed or ImpersonateAsCommunityUserAllowed',
  })
}
