import type { Audit } from '../domain/instance/audit.ts'
import type { ApiSession, ApiSessionApp, ApiSessionRules } from '../domain/sessions/api-session.ts'
import { admit, sessionToEvict } from '../domain/sessions/licence-slots.ts'
import { newId } from '../lib/crypto/secrets.ts'
import type { AsOf } from '../store/repositories/sessions/live-api-sessions.ts'
import type { Repositories } from '../store/store.ts'
import { busy } from './busy.ts'
import { type SlotsExhausted, slotsExhausted } from './slots-exhausted.ts'

/** Who wants a session: the app that calls, and what the session would be. */
export type Candidate = ApiSessionApp & Pick<ApiSession, 'seat' | 'kind' | 'userId' | 'userEpoch'>

type Unit = Pick<Repositories, 'apiSessions' | 'reservedUsers' | 'auditEvents'>

// Sessions that are over; there are seldom more than a few, but after a night.
const ENDED_AT_ONCE = 100

/**
 * Gives a candidate the session that their seat has by now, or a new one where there is a slot; nobody else counts or opens
 * meanwhile, on any node.
 */
export async function admitSession(
  unit: Unit,
  candidate: Candidate,
  asOf: AsOf,
  audit: Pick<Audit, 'within'>,
): Promise<ApiSession | SlotsExhausted> {
  const { apiSessions } = unit
  const { seat, kind, userId, userEpoch } = candidate
  const { now, rules } = asOf
  await apiSessions.endExpired(asOf, ENDED_AT_ONCE)
  await apiSessions.endOver(asOf, seat)
  const known = await apiSessions.findLive(seat, asOf)
  if (known) {
    await apiSessions.touch([known.id], now, asOf)
    await apiSessions.addApp(known, candidate, now)
    return { ...known, lastSeenAt: now }
  }
  const exhausted = (await hasSpareSlot(unit, rules)) ? undefined : await findSlot(unit, candidate, asOf, audit)
  if (exhausted) return exhausted
  const session = { id: newId(), kind, seat, userId, userEpoch, openedAt: now, lastSeenAt: now }
  // Who writes alone is never second here; whoever is, whatever has let them in, takes no slot.
  if (!(await apiSessions.add(session))) throw busy()
  await apiSessions.addApp(session, candidate, now)
  return session
}

/** Whether there is a slot for anybody, however many are kept: this one is quick to see, for nobody's session is looked at. */
export async function hasSpareSlot(
  { apiSessions, reservedUsers }: Pick<Unit, 'apiSessions' | 'reservedUsers'>,
  { slots }: Pick<ApiSessionRules, 'slots'>,
): Promise<boolean> {
  if (slots === undefined) return true
  return (await apiSessions.countUnended(slots)) + (await reservedUsers.count()) < slots
}

/** Looks at every session for a slot; a reserved user gets in for somebody else. @returns why there is none */
async function findSlot(
  unit: Unit,
  candidate: Candidate,
  asOf: AsOf,
  audit: Pick<Audit, 'within'>,
): Promise<SlotsExhausted | undefined> {
  await unit.apiSessions.endOver(asOf)
  const usage = await unit.apiSessions.usage(asOf)
  const reserved = await unit.reservedUsers.list()
  const admission = admit(candidate.userId, usage, reserved, asOf.rules.slots)
  if (admission === 'free') return undefined
  const freed = admission === 'in exchange' && (await evictSession(unit, candidate, reserved, asOf, audit))
  return freed ? undefined : slotsExhausted(usage, asOf)
}

/** Ends a session for a reserved user. @returns false where there is none that may end */
async function evictSession(
  unit: Unit,
  { userId }: Candidate,
  reserved: readonly string[],
  asOf: AsOf,
  audit: Pick<Audit, 'within'>,
): Promise<boolean> {
  const { apiSessions } = unit
  const evicted = sessionToEvict(await apiSessions.listLive({}, asOf), reserved, userId)
  if (!evicted) return false
  const apps = (await apiSessions.appsOf([evicted.id])).get(evicted.id) ?? []
  await apiSessions.end(evicted.id, asOf.now)
  const detail = { session: evicted.id, cause: 'a reserved user needed the slot', for: userId }
  for (const app of apps) {
    const event = { event: 'api_session_ended', actor: 'server', app, user: evicted.userId, detail } as const
    await audit.within(unit, event)
  }
  return true
}
