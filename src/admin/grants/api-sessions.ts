import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import { readTimeKey, timeKeyOf } from '../../domain/records/time-key.ts'
import { type ApiSession, showApiSession } from '../../domain/sessions/api-session.ts'
import { readSeat } from '../../domain/sessions/seat.ts'
import type { User } from '../../domain/users/user.ts'
import type { ApiSessionFilter } from '../../store/repositories/sessions/api-sessions.ts'
import type { Repositories } from '../../store/store.ts'
import { requireApp } from '../apps/apps.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { notThere } from '../change/refuse-change.ts'
import { requireUser } from '../users/find-user.ts'
import { type EndedTokens, endTokens } from './end-tokens.ts'

type Unit = Pick<
  Repositories,
  | 'apps'
  | 'sessions'
  | 'sessionApps'
  | 'settings'
  | 'apiSessions'
  | 'codes'
  | 'families'
  | 'referenceTokens'
  | 'sessionEpochs'
  | 'tokenNotices'
  | 'auditEvents'
>

/** Live sessions with when each is over unless it is used. @param now milliseconds since 1970 */
export async function listApiSessions(
  { settings, apiSessions }: Pick<Unit, 'settings' | 'apiSessions'>,
  filter: ApiSessionFilter,
  now: number,
) {
  const rules = await settings.apiSessionRules()
  return { rules, sessions: await apiSessions.listLive(filter, { rules, now }) }
}

/** Whose sessions are asked for: a user by login, e-mail or id, an app by its ApplicationUri. */
export interface SessionsWanted {
  readonly user?: string | undefined
  readonly app?: string | undefined
}

export type ShownApiSession = ReturnType<typeof showApiSession>

const keyOf = ({ openedAt: at, id }: Pick<ApiSession, 'openedAt' | 'id'>): string => timeKeyOf({ at, id })

function readKey(key: string): Pick<ApiSession, 'openedAt' | 'id'> {
  const { at: openedAt, id } = readTimeKey(key)
  return { openedAt, id }
}

/** The next live sessions as they are shown, the newest first. @throws Refused `not_found` */
export async function showApiSessions(
  unit: Pick<Repositories, 'apps' | 'users' | 'settings' | 'apiSessions'>,
  { user, app }: SessionsWanted,
  now: number,
  query: PageQuery,
): Promise<Page<ShownApiSession>> {
  const userId = user === undefined ? undefined : (await requireUser(unit, user)).id
  if (app !== undefined) await requireApp(unit, app)
  const filter = {
    ...(app === undefined ? {} : { applicationUri: app }),
    ...(userId === undefined ? {} : { userId }),
  }
  const rules = await unit.settings.apiSessionRules()
  const fetch = ({ after, limit }: PageQuery) =>
    unit.apiSessions.listLive(
      filter,
      { rules, now },
      { limit, after: after === undefined ? undefined : readKey(after) },
    )
  const { items, next } = await readPage(query, fetch, keyOf)
  const logins = await unit.users.loginsOf(items.map(({ userId }) => userId))
  const apps = await unit.apiSessions.appsOf(items.map(({ id }) => id))
  const shown = items.map((session) =>
    showApiSession(session, logins.get(session.userId), apps.get(session.id) ?? [], rules),
  )
  return { items: shown, next }
}

/** A session, and the apps that called within it. */
export interface EndedSession extends ApiSession {
  readonly apps: readonly string[]
}

/** What an administrator has ended. */
export interface EndedSessions extends EndedTokens {
  /** The sessions that lived until then. */
  readonly sessions: readonly EndedSession[]
  /** The apps whose signed tokens for the user are dead by now, however many there were. */
  readonly apps: readonly string[]
}

/**
 * Ends one session, with every token that could open another one from its seat where that is asked for.
 * @throws Refused `not_found`
 */
export async function endApiSession(
  unit: Unit,
  id: string,
  withTokens: boolean,
  context: ChangeContext,
): Promise<EndedSessions> {
  const session = await unit.apiSessions.find(id)
  if (!session) {
    const reason = `there is no API session ${id}; tessera session list shows those that live`
    throw notThere([{ attribute: 'id', reason }])
  }
  const { userId, seat } = session
  const before = await openOf(unit, userId, context.now)
  // The tokens would open another session at once, so they end first.
  const ended = withTokens ? await endTokensOfSeat(unit, session, context.now) : NO_TOKENS
  await unit.apiSessions.end(id, context.now)
  if (withTokens) await unit.apiSessions.endOfSeat(seat, context.now)
  // What the tokens of an app had open elsewhere is over as well, unless another app goes on there.
  const left = new Set((await openOf(unit, userId, context.now)).map(({ id }) => id))
  const sessions = before.filter(({ id }) => !left.has(id))
  return conclude(unit, userId, { ...ended, sessions }, withTokens, context)
}

/** Ends every session of a user, with the tokens of every app that has any where that is asked for. */
export async function endSessionsOfUser(
  unit: Unit,
  user: Pick<User, 'id'>,
  withTokens: boolean,
  context: ChangeContext,
): Promise<EndedSessions> {
  const sessions = await openOf(unit, user.id, context.now)
  if (withTokens) {
    // An app that has nothing but a code of the user, or is just getting one, is not among those that act for them.
    await unit.sessionEpochs.raiseAllOf(user.id)
    await unit.codes.expireAllOf({ userId: user.id })
    await unit.tokenNotices.add({ user: user.id }, context.now)
  }
  const apps = withTokens ? await appsActingFor(unit, user.id, sessions, context.now) : []
  const ended = await endTokensAt(unit, user.id, apps, context.now)
  await unit.apiSessions.endAllOf(user.id, context.now)
  return conclude(unit, user.id, { ...ended, sessions }, withTokens, context)
}

/** The live sessions of a user, with the apps of each. */
async function openOf(unit: Unit, userId: string, now: number): Promise<EndedSession[]> {
  const { sessions } = await listApiSessions(unit, { userId }, now)
  const apps = await unit.apiSessions.appsOf(sessions.map(({ id }) => id))
  return sessions.map((session) => ({ ...session, apps: apps.get(session.id) ?? [] }))
}

/**
 * Ends the tokens that could open a session from a seat: a reference token by itself; everything that the apps of a sign-in were
 * issued for its user, whether they have called already or not; everything that an app was issued to act on its own.
 */
async function endTokensOfSeat(
  unit: Unit,
  { id, seat, userId }: ApiSession,
  now: number,
): Promise<Omit<EndedSessions, 'sessions'>> {
  const { sid, token } = readSeat(seat)
  if (token !== undefined)
    return { ...NO_TOKENS, referenceTokens: (await unit.referenceTokens.revoke(token, now)) ? 1 : 0 }
  // Whoever is just being given something in the sign-in is waited for, and their app is then among these.
  if (sid !== undefined) await unit.sessions.hold(sid)
  const called = (await unit.apiSessions.appsOf([id])).get(id) ?? []
  const signedIn =
    sid === undefined ? [] : [...(await unit.sessionApps.appsOf(sid)), ...(await unit.families.appsOfSession(sid, now))]
  // What a removed app has left is being cleaned up.
  const apps = [...(await unit.apps.namesOf([...called, ...signedIn])).keys()].sort()
  return endTokensAt(unit, userId, apps, now)
}

/** Whichever app may hold a token that acts as the user, with a session or without. */
async function appsActingFor(
  { apps, families, referenceTokens }: Unit,
  userId: string,
  sessions: readonly EndedSession[],
  now: number,
): Promise<string[]> {
  return [
    ...new Set([
      ...sessions.flatMap((session) => session.apps),
      ...(await apps.actingAs(userId)),
      ...(await families.appsOf(userId, now)),
      ...(await referenceTokens.appsOf(userId, now)),
    ]),
  ].sort()
}

const NO_TOKENS = { tokenFamilies: 0, referenceTokens: 0, apps: [] }

async function endTokensAt(
  unit: Unit,
  user: string,
  apps: readonly string[],
  now: number,
): Promise<Omit<EndedSessions, 'sessions'>> {
  let [tokenFamilies, referenceTokens] = [0, 0]
  for (const app of apps) {
    const ended = await endTokens(unit, { app, user }, now)
    tokenFamilies += ended.tokenFamilies
    referenceTokens += ended.referenceTokens
  }
  return { tokenFamilies, referenceTokens, apps }
}

/** Each app reads of its own part in it; what concerns none, such as a code that nobody has redeemed, is told of the person. */
async function conclude(
  unit: Unit,
  userId: string,
  ended: EndedSessions,
  withTokens: boolean,
  context: ChangeContext,
): Promise<EndedSessions> {
  const { sessions, apps } = ended
  const record = (ids: readonly string[], about: { readonly app?: string }): Promise<void> => {
    const detail = { sessions: ids, withTokens }
    return recordChange(unit, { event: 'api_session_ended', ...about, user: userId, detail }, context)
  }
  const concerned = new Set([...sessions.flatMap((session) => session.apps), ...apps])
  for (const app of concerned) {
    const ids = sessions.filter((session) => session.apps.includes(app)).map(({ id }) => id)
    await record(ids, { app })
  }
  if (concerned.size === 0 && (withTokens || sessions.length > 0))
    await record(
      sessions.map(({ id }) => id),
      {},
    )
  return ended
}
