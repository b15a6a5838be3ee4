import type { TrustedApplication } from '../apps/trusted-application.ts'
import { ADMINISTRATION_SCOPE } from '../protocol/scope.ts'
import type { RefusalRule } from '../refusals/refusal-rule.ts'
import type { User } from '../users/user.ts'
import { whyNotAdmitted } from './user-access.ts'

/** Who calls with an access token. */
export interface TokenHolder {
  readonly app: TrustedApplication
  readonly user: User
  readonly scope: readonly string[]
  /** The APIs the token is for, its `aud`. */
  readonly audience: readonly string[]
  /** Whether it acts for a person rather than for the app itself. */
  readonly interactive: boolean
}

interface Obstacle {
  readonly rule: RefusalRule
  readonly reason: string
}

/**
 * Says why an access token does not open the administration API, or `undefined`; the record counts as it is now, not as it was.
 * @param defaultResource identifier of the instance's own API; another API could replay the tokens that it is sent
 */
export function whyNotAdministrator(
  { app, user, scope, audience, interactive }: TokenHolder,
  defaultResource: string,
): Obstacle | undefined {
  const obstacle = (rule: RefusalRule, reason: string): Obstacle => ({ rule, reason })
  if (!scope.includes(ADMINISTRATION_SCOPE))
    return obstacle('administration-scope-missing', `the access token lacks the scope: ${ADMINISTRATION_SCOPE}`)
  if (!app.administrationAllowed)
    return obstacle('administration-app-unmarked', 'the app may not administer the instance')
  if (audience.length !== 1 || audience[0] !== defaultResource)
    return obstacle(
      'administration-token-shared',
      `the access token is also for other APIs; ask for one with resource=${defaultResource}`,
    )
  if (!interactive) return undefined
  if (user.type !== 'InternalUser' || !user.isAdmin)
    return obstacle('administration-user-no-administrator', 'the user is not an administrator')
  const notAdmitted = whyNotAdmitted(app, user)
  return notAdmitted === undefined ? undefined : obstacle('person-not-admitted', notAdmitted)
}
