import { isoTime } from '../../lib/time/clock.ts'
import type { SignInFacts } from '../access/authorization.ts'
import { type Seat, seatOfSignIn } from './seat.ts'

/** Milliseconds. */
export interface SessionLimits {
  /** Without any use. */
  readonly idle: number
  /** Since the person last proved who they are. */
  readonly absolute: number
}

interface SignInTimes {
  /** Milliseconds since 1970, as every time here. */
  readonly createdAt: number
  readonly lastSeenAt: number
}

/** When a sign-in session has run out if nobody uses it any more. */
export const signInEndsAt = ({ createdAt, lastSeenAt }: SignInTimes, { idle, absolute }: SessionLimits): number =>
  Math.min(lastSeenAt + idle, createdAt + absolute)

/** An app whose access tokens of a session ended with it. */
interface TokensEnded {
  readonly applicationUri: string
}

/** What a sign-out has ended. */
export interface SignedOutOf<Left> {
  /** The apps that the session was used at, unless it had ended before. */
  readonly left: Left[]
  /** Where access tokens lived until then. */
  readonly tokens: readonly TokensEnded[]
  /** Whether a licence slot is free now. */
  readonly freesSlot: boolean
}

/** A unit of work as far as it signs people out. */
export interface SignOutUnit<Left> {
  readonly sessions: { readonly end: (sid: string, now: number) => Promise<Left[]> }
  readonly families: { readonly signOut: (sids: readonly string[], now: number) => Promise<TokensEnded[]> }
  readonly apiSessions: { readonly endOfSeat: (seat: Seat, now: number) => Promise<boolean> }
}

/**
 * Signs a person out: the access tokens that were issued in the session end with it, and so does its API session, whose licence slot is
 * free at once.
 */
export async function signOut<Left>(unit: SignOutUnit<Left>, sid: string, now: number): Promise<SignedOutOf<Left>> {
  // The session comes first: whoever is just being given something in it holds it until that is there to be ended.
  const left = await unit.sessions.end(sid, now)
  const tokens = await unit.families.signOut([sid], now)
  const freesSlot = await unit.apiSessions.endOfSeat(seatOfSignIn(sid), now)
  return { left, tokens, freesSlot }
}

/** What has become of a sign-in session; one that has run out can still be signed out of. */
export type SignInState = 'open' | 'expired' | 'ended'

interface Around {
  /** The login of the person. */
  readonly user: string
  /** Those that were given something which tells of the session. */
  readonly apps: readonly string[]
  readonly limits: SessionLimits
  readonly state: SignInState
}

/** A sign-in session as commands and the administration API show it. */
export const showSignIn = (session: SignInFacts & SignInTimes, { user, apps, limits, state }: Around) => ({
  sid: session.sid,
  user,
  apps,
  amr: session.amr,
  acr: session.acr,
  authenticatedAt: isoTime(session.authTime),
  lastUsedAt: isoTime(session.lastSeenAt),
  endsAt: isoTime(signInEndsAt(session, limits)),
  state,
})
