import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import { readTimeKey, timeKeyOf } from '../../domain/records/time-key.ts'
import {
  type SessionLimits,
  type SignInState,
  showSignIn,
  signInEndsAt,
  signOut,
} from '../../domain/sessions/sign-in-session.ts'
import type { User } from '../../domain/users/user.ts'
import type { LeftApp } from '../../store/repositories/sessions/session-apps.ts'
import type { SignInSession } from '../../store/repositories/sessions/sign-in-sessions.ts'
import type { Repositories } from '../../store/store.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { notThere } from '../change/refuse-change.ts'
import { requireUser } from '../users/find-user.ts'

type Reading = Pick<Repositories, 'users' | 'sessions' | 'sessionApps'>
type Unit = Pick<Repositories, 'sessions' | 'families' | 'apiSessions' | 'auditEvents'>

export type ShownSignIn = ReturnType<typeof showSignIn>

/** As they are now: how long sessions last, and milliseconds since 1970. */
interface AsOf {
  readonly limits: SessionLimits
  readonly now: number
}

/** The next open sign-in sessions of a person, the newest first. @param name login, e-mail or id @throws Refused `not_found` */
export async function showSignIns(
  read: Reading,
  name: string,
  { limits, now }: AsOf,
  query: PageQuery,
): Promise<Page<ShownSignIn>> {
  const user = await requireUser(read, name)
  const fetch = ({ after, limit }: PageQuery) =>
    read.sessions.page(user, limits, now, { limit, after: after === undefined ? undefined : readTimeKey(after) })
  const { items, next } = await readPage(query, fetch, ({ createdAt: at, sid: id }) => timeKeyOf({ at, id }))
  const apps = await read.sessionApps.appsOfEach(items.map(({ sid }) => sid))
  const shown = items.map((session) =>
    showSignIn(session, { user: user.login, apps: apps.get(session.sid) ?? [], limits, state: 'open' }),
  )
  return { items: shown, next }
}

/** A sign-in session, over or not, for as long as it is on record. @throws Refused `not_found` */
export async function showOneSignIn(read: Reading, sid: string, { limits, now }: AsOf): Promise<ShownSignIn> {
  const session = await requireSignIn(read, sid)
  const user = await read.users.find(session.userId)
  const apps = (await read.sessionApps.appsOfEach([sid])).get(sid) ?? []
  const state = stateOf(session, user, { limits, now })
  return showSignIn(session, { user: user?.login ?? session.userId, apps, limits, state })
}

/** A kill switch ends sessions without a word in their rows. */
function stateOf(session: SignInSession, user: User | undefined, { limits, now }: AsOf): SignInState {
  if (session.endedAt !== undefined || !user?.isEnabled || user.epoch !== session.userEpoch) return 'ended'
  return signInEndsAt(session, limits) > now ? 'open' : 'expired'
}

async function requireSignIn({ sessions }: Pick<Reading, 'sessions'>, sid: string): Promise<SignInSession> {
  const session = await sessions.find(sid)
  if (session) return session
  const reason = 'no sign-in session on record has this sid; tessera sign-in list --user USER shows those that are open'
  throw notThere([{ attribute: 'sid', reason }])
}

/** What an administrator has signed somebody out of. */
export interface EndedSignIns {
  /** The `sid`s of those that had not ended before, or of which tokens or an API session lived on. */
  readonly signIns: readonly string[]
  /** The apps they were used at, and those that held such tokens. */
  readonly apps: readonly string[]
}

/** Ends a sign-in session, and with it what the person's own sign-out would end. @throws Refused `not_found` */
export async function endSignIn(unit: Unit, sid: string, context: ChangeContext): Promise<EndedSignIns> {
  const session = await requireSignIn(unit, sid)
  const { left, tokens, freesSlot } = await signOut(unit, sid, context.now)
  // The apps of a session that ended as somebody else signed in there keep what they have until now.
  const isEnded = session.endedAt === undefined || tokens.length > 0 || freesSlot
  return conclude(unit, session.userId, { signIns: isEnded ? [sid] : [], apps: [...left, ...tokens] }, context)
}

/** Ends every sign-in session of a person, in whichever browser, and what lives on of those that ended as somebody else signed in there. */
export async function endSignInsOf(
  unit: Unit,
  { id }: Pick<User, 'id'>,
  context: ChangeContext,
): Promise<EndedSignIns> {
  const { now } = context
  // In the order of one sign-out: whoever is just being given something holds their session until that is there.
  const { sids, left } = await unit.sessions.endAllOf(id, now)
  const tokens = await unit.families.signOutEnded(id, now)
  const called = await unit.apiSessions.endOfSignInsOf(id, now)
  const signIns = [...new Set([...sids, ...tokens.map(({ sid }) => sid), ...called])]
  return conclude(unit, id, { signIns, apps: [...left, ...tokens] }, context)
}

// One event takes no more than this of them; how many there were it says in any case.
const MOST_TOLD = 100

type Reached = Pick<LeftApp, 'applicationUri'>

async function conclude(
  unit: Unit,
  user: string,
  { signIns, apps: reached }: { readonly signIns: readonly string[]; readonly apps: readonly Reached[] },
  context: ChangeContext,
): Promise<EndedSignIns> {
  const apps = [...new Set(reached.map(({ applicationUri }) => applicationUri))].sort()
  const detail = { count: signIns.length, sessions: signIns.slice(0, MOST_TOLD), apps: apps.slice(0, MOST_TOLD) }
  if (signIns.length > 0) await recordChange(unit, { event: 'sign_in_ended', user, detail }, context)
  return { signIns, apps }
}
