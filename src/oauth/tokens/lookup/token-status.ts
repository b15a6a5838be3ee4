import type { JWTPayload } from 'jose'
import type { TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import type { RequestedClaims } from '../../../domain/protocol/requested-claims.ts'
import type { RefusalRule } from '../../../domain/refusals/refusal-rule.ts'
import type { Seat } from '../../../domain/sessions/seat.ts'
import type { User } from '../../../domain/users/user.ts'
import { isoTime } from '../../../lib/time/clock.ts'

/** An active access token: signed, opaque or a reference token, which all say the same. */
export interface ActiveAccessToken {
  readonly kind: 'access_token'
  readonly claims: JWTPayload & { readonly jti: string; readonly exp: number }
  readonly scope: readonly string[]
  readonly app: TrustedApplication
  readonly user: User
  /** Of app and user together, under which it lives. */
  readonly sessionEpoch: number
  /** Whether it acts for a person rather than for the app itself. */
  readonly interactive: boolean
  /** Whose API session its calls belong to. */
  readonly seat: Seat
  /** The sign-in session that it ends with, if it does. */
  readonly session: string | undefined
  /** The claims the app asked for by name at the sign-in. */
  readonly requested: RequestedClaims
  /** The id of the reference token that it is, if it is one. */
  readonly reference: string | undefined
}

export interface ActiveRefreshToken {
  readonly kind: 'refresh_token'
  readonly family: string
  readonly scope: readonly string[]
  readonly app: TrustedApplication
  readonly user: User
  readonly issuedAt: number
  readonly expiresAt: number
  readonly rotated: boolean
}

/** A token that somebody presented and that is active. */
export type ActiveToken = ActiveAccessToken | ActiveRefreshToken

/** Why a presented token is inactive; for the operator alone. */
export interface InactiveToken {
  readonly kind: 'inactive'
  readonly rule: RefusalRule
  readonly cause: string
  /** The app it was issued to, where that is known. */
  readonly app?: TrustedApplication
  /** The id of whom it acts for, where a change to them ended it. */
  readonly user?: string
}

export const inactive = (rule: RefusalRule, cause: string, app?: TrustedApplication): InactiveToken => ({
  kind: 'inactive',
  rule,
  cause,
  ...(app ? { app } : {}),
})

/** @param at when it ended, and @param now, in milliseconds since 1970 */
export const expired = (at: number, now: number): InactiveToken =>
  inactive('access-token-expired', `the token expired at ${isoTime(at)}, and this server's clock says ${isoTime(now)}`)

export const FOREIGN = inactive(
  'access-token-foreign',
  'this server has no such access token: it is of another server or another kind, or ended long ago',
)
