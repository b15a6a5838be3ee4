import { isoTime } from '../../lib/time/clock.ts'
import type { TrustedApplication } from '../apps/trusted-application.ts'
import { stillRegistered } from '../protocol/scope.ts'
import type { User } from '../users/user.ts'
import type { ShownReferenceToken } from './reference-token.ts'

/** What an app may refresh for a person since one of their sign-ins: a family of tokens that has not ended. */
export interface RefreshGrant {
  readonly family: string
  readonly applicationUri: string
  /** The id of the person. */
  readonly userId: string
  /** The sign-in session that it grew from. */
  readonly sid: string
  readonly scope: readonly string[]
  /** Milliseconds since 1970, as every time here. */
  readonly startedAt: number
  readonly lastUsedAt: number | undefined
  readonly expiresAt: number
  /** Whether the person has signed out of that session since. */
  readonly isSignedOut: boolean
}

/** How a grant is named among tokens. */
export const REFRESH_GRANT = 'refresh_token'

/** A grant as people are shown it, under the names that reference tokens have. @param appName what the app is called, which describes it */
export const showRefreshGrant = (
  grant: RefreshGrant,
  app: TrustedApplication,
  user: User,
  appName: string,
): Omit<ShownReferenceToken, 'kind'> & { readonly kind: typeof REFRESH_GRANT } => ({
  id: grant.family,
  kind: REFRESH_GRANT,
  app: grant.applicationUri,
  user: user.login,
  user_id: grant.userId,
  description: appName,
  scope: stillRegistered(grant.scope, app).join(' '),
  created_by: `user:${grant.userId}`,
  created_at: isoTime(grant.startedAt),
  expires_at: isoTime(grant.expiresAt),
  last_used_at: grant.lastUsedAt === undefined ? null : isoTime(grant.lastUsedAt),
  revoked_at: null,
  state: 'live',
  reason: null,
})
