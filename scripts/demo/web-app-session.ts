import { randomBytes } from 'node:crypto'
import type { IDToken, UserInfoResponse } from 'openid-client'

/** What must be remembered from leaving for the sign-in page until coming back; one for each tab. */
export interface PendingSignIn {
  readonly codeVerifier: string
  readonly nonce: string
}

/** A person who signed in, with the tokens, which never leave the server. */
export interface SignedIn {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly idToken: string
  readonly idClaims: IDToken
  readonly userInfo: UserInfoResponse
}

export interface Session {
  /** By the `state` of the authorization request. */
  readonly pending: Map<string, PendingSignIn>
  signedIn: SignedIn | undefined
}

export interface Sessions {
  find(id: string | undefined): Session | undefined
  /**
   * @param pending sign-ins that other tabs have begun
   * @returns the id of the new session, a value nobody can guess
   */
  open(signedIn?: SignedIn, pending?: Session['pending']): string
  close(id: string | undefined): void
}

const MOST_SESSIONS = 1000
const MOST_PENDING = 20

/** Sessions in memory: good enough for a demo, which forgets them when it stops. */
export function createSessions(): Sessions {
  const sessions = new Map<string, Session>()
  return {
    find: (id) => (id === undefined ? undefined : sessions.get(id)),
    open(signedIn, pending = new Map()) {
      const id = randomBytes(32).toString('base64url')
      sessions.set(id, { pending, signedIn })
      dropOldest(sessions, MOST_SESSIONS)
      return id
    },
    close(id) {
      if (id !== undefined) sessions.delete(id)
    },
  }
}

/** Notes a sign-in that was begun; the oldest ones are given up when there are many. */
export function addPending(session: Session, state: string, pending: PendingSignIn): void {
  session.pending.set(state, pending)
  dropOldest(session.pending, MOST_PENDING)
}

/** Takes a sign-in that was begun; each can be taken once. */
export function takePending(session: Session | undefined, state: string): PendingSignIn | undefined {
  const pending = session?.pending.get(state)
  session?.pending.delete(state)
  return pending
}

// A Map keeps the order in which its members came.
function dropOldest<T>(map: Map<string, T>, most: number): void {
  const [oldest] = map.keys()
  if (map.size > most && oldest !== undefined) map.delete(oldest)
}
