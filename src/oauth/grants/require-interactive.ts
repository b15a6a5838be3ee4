import { isInteractive, type TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { OAuthError } from '../../domain/refusals/errors.ts'

/** Refuses grants that act for a person to apps through which nobody may sign in. */
export function requireInteractive(app: TrustedApplication): void {
  if (isInteractive(app)) return
  throw new OAuthError('unauthorized_client', 'the app may not sign people in', {
    rule: 'sign-in-not-allowed',
    client_id: app.applicationUri,
    cause: 'the record admits neither internal nor community users',
    expected: 'ImpersonateAsInternalUserAllowed or ImpersonateAsCommunityUserAllowed',
  })
}
