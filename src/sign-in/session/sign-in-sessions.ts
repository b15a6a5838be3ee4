import type { SignInFacts } from '../../domain/access/authorization.ts'
import type { Proof } from '../../domain/access/proof.ts'
import { type SessionLimits, signInEndsAt, signOut } from '../../domain/sessions/sign-in-session.ts'
import type { User } from '../../domain/users/user.ts'
import { digest, newId, newSecret, type Random } from '../../lib/crypto/secrets.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'
import type { LeftApp } from '../../store/repositories/sessions/session-apps.ts'
import type { SignInSession } from '../../store/repositories/sessions/sign-in-sessions.ts'
import type { Repositories, Write } from '../../store/store.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'sessions' | 'users'>
  readonly write: Write<'users' | 'sessions'>
  readonly writeEnding: Write<'sessions' | 'families' | 'apiSessions'>
  readonly clock: Clock
  readonly random: Random
  readonly limits: SessionLimits
}

/** A live session and whose it is. */
export interface LiveSession {
  readonly user: User
  readonly session: SignInSession
}

/** A session that can be signed out of, be it over. */
export interface UnendedSession extends LiveSession {
  /** Whether it ran out by itself: whoever sits there need not be the person. */
  readonly isOver: boolean
}

// A session in use is written at most this often.
const TOUCH_EVERY = MINUTE

export type SignInSessionsService = ReturnType<typeof createSignInSessions>

/** Single sign-on in one browser: every limit is checked when read, whatever has been cleaned up. */
export function createSignInSessions({ read, write, writeEnding, clock, random, limits }: Dependencies) {
  const isOver = (session: SignInSession): boolean =>
    session.endedAt !== undefined || clock() >= signInEndsAt(session, limits)

  /** Whose session it is; not where the person was switched off since, or has another password. */
  async function withItsUser(
    session: SignInSession,
    users: Pick<Repositories['users'], 'find'>,
  ): Promise<LiveSession | undefined> {
    const user = await users.find(session.userId)
    return user?.isEnabled && user.epoch === session.userEpoch ? { user, session } : undefined
  }

  /** Who is signed in with this cookie, by what a unit of work sees. */
  async function findIn(
    { sessions, users }: Pick<Repositories, 'sessions' | 'users'>,
    cookie: string | undefined,
  ): Promise<LiveSession | undefined> {
    const session = cookie === undefined ? undefined : await sessions.findByCookie(digest(cookie))
    return !session || isOver(session) ? undefined : withItsUser(session, users)
  }

  /** Who is signed in with this cookie; using a session keeps it from growing idle. */
  async function find(cookie: string | undefined): Promise<LiveSession | undefined> {
    const live = await findIn(read, cookie)
    if (live && clock() - live.session.lastSeenAt >= TOUCH_EVERY)
      await write(({ sessions }) => sessions.touch(live.session.sid, clock()))
    return live
  }

  return {
    find,
    findIn,

    /** Whose session can still be signed out of: what was issued in one that ran out by itself may live on. */
    async findUnended(cookie: string | undefined): Promise<UnendedSession | undefined> {
      const session = cookie === undefined ? undefined : await read.sessions.findByCookie(digest(cookie))
      const live = !session || session.endedAt !== undefined ? undefined : await withItsUser(session, read.users)
      return live && { ...live, isOver: isOver(live.session) }
    },

    /** Whether a session has neither been ended nor run out. */
    async isOpen(sid: string): Promise<boolean> {
      const session = await read.sessions.find(sid)
      return session !== undefined && !isOver(session)
    },

    /**
     * Signs in whoever has proved who they are. The same person keeps the session (same `sid`, new `auth_time`); another one gets a new session,
     * and the apps of the first one keep their tokens.
     * The cookie is new in either case, so that one planted or stolen before is worth nothing.
     * @returns the value for the browser's cookie, and the facts tokens tell
     */
    async start(
      { user, amr, acr, at }: Proof,
      previousCookie: string | undefined,
    ): Promise<{ cookie: string; facts: SignInFacts }> {
      const previous = await find(previousCookie)
      const same = previous?.user.id === user.id
      const cookie = newSecret(random)
      const sid = same ? previous.session.sid : newId()
      const facts: SignInFacts = { sid, authTime: at, amr, acr }
      await write(async ({ users, sessions }) => {
        // Whoever was removed meanwhile is asked again, for their cookie opens nothing.
        if (!(await users.find(user.id))) return
        if (same) return sessions.renew(facts, user.epoch, digest(cookie))
        if (previous) await sessions.end(previous.session.sid, at)
        const session = { ...facts, userId: user.id, userEpoch: user.epoch, createdAt: at, lastSeenAt: at }
        return sessions.add(session, digest(cookie))
      })
      return { cookie, facts }
    },

    /** Signs a person out. @returns the apps it was used at */
    end: ({ sid }: Pick<SignInSession, 'sid'>): Promise<LeftApp[]> =>
      writeEnding(async (unit) => (await signOut(unit, sid, clock())).left),
  }
}
