import type { TrustedApplication } from '../apps/trusted-application.ts'
import { apiScopesOf } from '../protocol/scope.ts'
import type { User } from '../users/user.ts'

/** Says why this person may not sign in through this app, or `undefined`. */
export function whyNotAdmitted(app: TrustedApplication, user: User): string | undefined {
  switch (user.type) {
    case 'InternalUser':
      return app.impersonateAsInternalUserAllowed ? undefined : 'the app does not admit internal users'
    case 'ExternalCommunityUser':
      return app.impersonateAsCommunityUserAllowed ? undefined : 'the app does not admit community users'
    case 'SystemUserNoLogin':
      return 'a System User never signs in'
    // What no record should say admits nobody.
    default:
      return 'only internal and community users sign in'
  }
}

/** The API scopes in a request that this kind of user can never have: the instance's APIs are for internal users. */
export const apiScopesBeyond = (user: User, scope: readonly string[]): string[] =>
  user.type === 'InternalUser' ? [] : apiScopesOf(scope)
