import { crc32 } from 'node:zlib'
import type { Random } from '../../lib/crypto/secrets.ts'
import { isoTime } from '../../lib/time/clock.ts'
import { whyEnded } from '../access/grant-status.ts'
import type { TrustedApplication } from '../apps/trusted-application.ts'
import { type OperatorDetail, Refused } from '../refusals/errors.ts'
import type { User } from '../users/user.ts'

/** A PAT acts as the user it was made by or for, a SAT as the app's System User. */
export const REFERENCE_TOKEN_KINDS = ['PAT', 'SAT'] as const
export type ReferenceTokenKind = (typeof REFERENCE_TOKEN_KINDS)[number]

/** A long-lived token that is looked up wherever it is presented; its value is known to its holder alone. */
export interface ReferenceToken {
  readonly id: string
  readonly kind: ReferenceTokenKind
  readonly applicationUri: string
  /** The id of whom it acts as. */
  readonly userId: string
  readonly appEpoch: number
  readonly userEpoch: number
  readonly sessionEpoch: number
  readonly presentSessionEpoch: number
  readonly description: string
  readonly scope: readonly string[]
  /** Who made it, as the audit log names them. */
  readonly createdBy: string
  /** Milliseconds since 1970, as every time here. */
  readonly createdAt: number
  readonly expiresAt: number
  /** A minute exact. */
  readonly lastUsedAt: number | undefined
  readonly revokedAt: number | undefined
}

export const MOST_TOKENS_OF_A_USER = 50

const PREFIX = 'enrt_'
const RANDOM_BYTES = 28

const checksumOf = (digits: string): string => crc32(digits).toString(16).toUpperCase().padStart(8, '0')

/** A new value: `enrt_`, 56 random hex digits and the 8 digits of their checksum. */
export function newReferenceToken(random: Random): string {
  const digits = random(RANDOM_BYTES).toString('hex').toUpperCase()
  return `${PREFIX}${digits}${checksumOf(digits)}`
}

export const looksLikeReferenceToken = (value: string): boolean => value.startsWith(PREFIX)

/** Whether a value can be one of ours; a mistyped or shortened one is refused without a look at the database. */
export function isWholeReferenceToken(value: string): boolean {
  const [, digits = '', checksum] = /^enrt_([0-9A-F]{56})([0-9A-F]{8})$/.exec(value) ?? []
  return checksum !== undefined && checksum === checksumOf(digits)
}

/** Why the app, as its record stands now, may not act as this System User, if it may not. */
export const whyNotActing = (app: TrustedApplication, systemUser: User): string | undefined =>
  app.systemUserAllowed && app.systemUser === systemUser.id
    ? undefined
    : 'the app may no longer act as this System User'

/**
 * Says which rule of the app's record keeps a reference token from being made or used, or `undefined`. Whoever makes one for
 * somebody else is an administrator; whether the app lets people sign in makes no difference, as nobody does.
 * @param user whom it acts as
 * @param maker who makes it, as the audit log names them
 */
export function whyNotPermitted(
  kind: ReferenceTokenKind,
  app: TrustedApplication,
  user: User,
  maker: string,
): string | undefined {
  const { accessTokens } = app
  if (accessTokens !== 'AuthenticatedUsers' && accessTokens !== 'AdministratorsOnly')
    return `the app has AccessTokens ${accessTokens}: it does not accept reference tokens`
  if (kind === 'SAT') return whyNotActing(app, user)
  if (user.type !== 'InternalUser') return 'only internal users have access to APIs'
  return accessTokens === 'AdministratorsOnly' && maker === `user:${user.id}` && !user.isAdmin
    ? 'the app has AccessTokens AdministratorsOnly, and the user is not an administrator'
    : undefined
}

/** A token that makes another one would outlive its own revocation. @param detail who tried, for the operator */
export const madeByToken = (detail: OperatorDetail): Refused =>
  new Refused('insufficient_scope', 'a reference token cannot create another one: sign in instead', {
    ...detail,
    rule: 'reference-token-makes-none',
    cause: 'a reference token came with the request',
  })

/** How a token stands; one that ended did so by a kill switch, one that is not permitted by the record as it is now. */
export interface ReferenceTokenState {
  readonly state: 'live' | 'revoked' | 'expired' | 'ended' | 'not permitted'
  /** Why it is not live. */
  readonly reason?: string
}

/** Checks a token for everything that can end it; what somebody did comes before what time did. @param now milliseconds since 1970 */
export function stateOfReferenceToken(
  token: ReferenceToken,
  app: TrustedApplication,
  user: User,
  now: number,
): ReferenceTokenState {
  if (token.revokedAt !== undefined)
    return { state: 'revoked', reason: `the reference token was revoked at ${isoTime(token.revokedAt)}` }
  if (token.expiresAt <= now)
    return { state: 'expired', reason: `the reference token ended at ${isoTime(token.expiresAt)}` }
  const ended = whyEnded(token, app, user)
  if (ended !== undefined) return { state: 'ended', reason: ended }
  const unpermitted = whyNotPermitted(token.kind, app, user, token.createdBy)
  return unpermitted === undefined ? { state: 'live' } : { state: 'not permitted', reason: unpermitted }
}

/** What may be told of a token, under the names that the command line and the APIs use; its value is told nowhere. */
export function showReferenceToken(token: ReferenceToken, app: TrustedApplication, user: User, now: number) {
  const { state, reason } = stateOfReferenceToken(token, app, user, now)
  const timeOf = (time: number | undefined): string | null => (time === undefined ? null : isoTime(time))
  return {
    id: token.id,
    kind: token.kind,
    app: token.applicationUri,
    user: user.login,
    user_id: token.userId,
    description: token.description,
    scope: token.scope.join(' '),
    created_by: token.createdBy,
    created_at: isoTime(token.createdAt),
    expires_at: isoTime(token.expiresAt),
    last_used_at: timeOf(token.lastUsedAt),
    revoked_at: timeOf(token.revokedAt),
    // Whether a kill switch or the record keeps it from working makes no difference to its holder.
    state: state === 'not permitted' ? 'ended' : state,
    reason: reason ?? null,
  }
}

export type ShownReferenceToken = ReturnType<typeof showReferenceToken>
