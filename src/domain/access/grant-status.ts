import type { TrustedApplication } from '../apps/trusted-application.ts'
import { Refused } from '../refusals/errors.ts'
import type { User } from '../users/user.ts'

/** The epochs under which something was granted. */
export interface GrantEpochs {
  readonly appEpoch: number
  readonly userEpoch: number
  /** Of app and user together. */
  readonly sessionEpoch: number
}

/** Why a grant ended of which neither the app nor the user was touched. */
export const TAKEN_BACK = 'consent was withdrawn since then, or an administrator ended the session with its tokens'

/**
 * Says what ended a grant, or `undefined` while it lives; enabling again changes nothing, the epoch has moved on.
 * @param granted with the epoch of app and user together as it is now
 */
export function whyEnded(
  granted: GrantEpochs & { readonly presentSessionEpoch: number },
  app: Pick<TrustedApplication, 'isEnabled' | 'epoch'> | undefined,
  user: Pick<User, 'isEnabled' | 'epoch'> | undefined,
): string | undefined {
  if (!app?.isEnabled) return 'the app is disabled'
  if (granted.appEpoch !== app.epoch) return 'the app was disabled since then'
  if (!user?.isEnabled) return 'the user is disabled'
  if (granted.userEpoch !== user.epoch) return 'the user was disabled or changed the password since then'
  return granted.sessionEpoch === granted.presentSessionEpoch ? undefined : TAKEN_BACK
}

/** The refusal of a code whose tokens, one of which came with it, were revoked. @param user whom they acted for */
export const tokensRevokedSince = (user: string): Refused =>
  new Refused('invalid_grant', 'the tokens of this sign-in were revoked after the code was issued', {
    rule: 'grant-ended',
    user,
    cause: 'all tokens of this sign-in were revoked',
  })
