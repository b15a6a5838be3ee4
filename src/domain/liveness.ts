import type { TrustedApplication } from './trusted-application.ts'
import type { User } from './user.ts'

/** The epochs under which something was granted. */
export interface GrantEpochs {
  readonly appEpoch: number
  readonly userEpoch: number
}

/** Says which kill switch ended a grant, or `undefined` while it lives; enabling again changes nothing, the epoch has moved on. */
export function whyEnded(
  granted: GrantEpochs,
  app: Pick<TrustedApplication, 'isEnabled' | 'epoch'> | undefined,
  user: Pick<User, 'isEnabled' | 'epoch'> | undefined,
): string | undefined {
  if (!app?.isEnabled) return 'the app is disabled'
  if (granted.appEpoch !== app.epoch) return 'the app was disabled since'
  if (!user?.isEnabled) return 'the user is disabled'
  if (granted.userEpoch !== user.epoch) return 'the user was disabled or changed the password since'
  return undefined
}
