import { isoTime } from '../../lib/time/clock.ts'

/** Lets somebody register an app; of the value only its digest is kept. @see RFC 7591 §3 */
export interface InitialAccessToken {
  readonly id: string
  readonly digest: string
  readonly label: string | undefined
  /** Such as `cli:root`. */
  readonly createdBy: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** `undefined` does not expire. */
  readonly expiresAt: number | undefined
  /** How many apps may still be registered with it; `undefined` is any number. */
  readonly usesLeft: number | undefined
}

/** What client metadata says that the record of an app has no place for. */
export interface KeptMetadata {
  readonly application_type: 'web' | 'native'
  readonly grant_types: readonly string[]
  readonly token_endpoint_auth_method: string
}

/** How an app came to register itself, and what lets it change that registration. @see RFC 7592 §3 */
export interface SelfRegistration {
  readonly applicationUri: string
  /** Digest of the registration access token. */
  readonly tokenDigest: string
  /** The id of the initial access token it was registered with, if with one. */
  readonly initialAccessToken: string | undefined
  readonly metadata: KeptMetadata
  /** Members of the record that an administrator has changed since, and the app no longer decides. */
  readonly decided: readonly string[]
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** A token as people and scripts are shown it; its value is told once, when it is made. */
export const showInitialToken = (token: InitialAccessToken, now: number) => ({
  id: token.id,
  label: token.label ?? null,
  created_by: token.createdBy,
  created_at: isoTime(token.createdAt),
  expires_at: token.expiresAt === undefined ? null : isoTime(token.expiresAt),
  uses_left: token.usesLeft ?? null,
  state: stateOfInitialToken(token, now),
})

/** Whether a token can still be used. */
export const stateOfInitialToken = (
  { expiresAt, usesLeft }: InitialAccessToken,
  now: number,
): 'live' | 'expired' | 'used up' =>
  expiresAt !== undefined && expiresAt <= now ? 'expired' : usesLeft === 0 ? 'used up' : 'live'
