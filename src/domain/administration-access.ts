import { ADMINISTRATION_SCOPE } from './scope.ts'
import type { TrustedApplication } from './trusted-application.ts'
import type { User } from './user.ts'
import { whyNotAdmitted } from './user-access.ts'

/** Who calls with an access token. */
export interface TokenHolder {
  readonly app: TrustedApplication
  readonly user: User
  readonly scope: readonly string[]
  /** Whether it acts for a person rather than for the app itself. */
  readonly interactive: boolean
}

/** Says why an access token does not open the administration API, or `undefined`; the record counts as it is now, not as it was. */
export function whyNotAdministrator({ app, user, scope, interactive }: TokenHolder): string | undefined {
  if (!scope.includes(ADMINISTRATION_SCOPE)) return `the access token lacks the scope: ${ADMINISTRATION_SCOPE}`
  if (!app.administrationAllowed) return 'the app is not marked for administration: AdministrationAllowed is false'
  if (!app.scope.includes(ADMINISTRATION_SCOPE)) return `the app has lost the scope: ${ADMINISTRATION_SCOPE}`
  const actsAlone = app.systemUserAllowed && app.systemUser === user.id
  if (!interactive) return actsAlone ? undefined : 'the app may no longer act as this System User'
  if (user.type !== 'InternalUser' || !user.isAdmin) return 'the user is not an administrator'
  return whyNotAdmitted(app, user)
}
