import type { Audit } from '../domain/instance/audit.ts'
import type { ApiSession, ApiSessionRules } from '../domain/sessions/api-session.ts'
import { admit, whoMakesRoom } from '../domain/sessions/licence-slots.ts'
import { newId } from '../lib/crypto/secrets.ts'
import type { Holder } from '../store/repositories/sessions/api-sessions.ts'
import type { Moment } from '../store/repositories/sessions/live-api-sessions.ts'
import type { Repositories } from '../store/store.ts'
import { type Full, fullHouse } from './slots-exhausted.ts'

/** Who wants a session, and of which kind it would be. */
export type Candidate = Holder & Pick<ApiSession, 'kind'> & { readonly sessionEpoch: number }

type Unit = Pick<Repositories, 'apiSessions' | 'reservedUsers' | 'auditEvents'>

// Sessions that are over; there are seldom more than a few, but after a night.
const ENDED_AT_ONCE = 100

/**
 * Gives a candidate the session that they have by now, or a new one where there is a slot; nobody else counts or opens
 * meanwhile, on any node.
 */
export async function enterHouse(
  unit: Unit,
  candidate: Candidate,
  moment: Moment,
  audit: Pick<Audit, 'within'>,
): Promise<ApiSession | Full> {
  const { apiSessions } = unit
  const { now, rules } = moment
  await apiSessions.endExpired(moment, ENDED_AT_ONCE)
  await apiSessions.endOver(moment, { applicationUri: candidate.applicationUri, userId: candidate.userId })
  const known = await apiSessions.findLive(candidate, moment)
  if (known) {
    await apiSessions.touch([known.id], now, moment)
    return { ...known, lastSeenAt: now }
  }
  const full = (await hasRoomToSpare(unit, rules)) ? undefined : await findRoom(unit, candidate, moment, audit)
  if (full) return full
  const session = { ...candidate, id: newId(), openedAt: now, lastSeenAt: now }
  await apiSessions.add(session)
  return session
}

/** Whether there is a slot for anybody, however many are kept: this one is quick to see, for nobody's session is looked at. */
export async function hasRoomToSpare(
  { apiSessions, reservedUsers }: Pick<Unit, 'apiSessions' | 'reservedUsers'>,
  { slots }: Pick<ApiSessionRules, 'slots'>,
): Promise<boolean> {
  if (slots === undefined) return true
  return (await apiSessions.countUnended(slots)) + (await reservedUsers.count()) < slots
}

/** Looks at every session for a slot; a reserved user gets in for somebody else. @returns why there is none */
async function findRoom(
  unit: Unit,
  candidate: Candidate,
  moment: Moment,
  audit: Pick<Audit, 'within'>,
): Promise<Full | undefined> {
  await unit.apiSessions.endOver(moment)
  const house = await unit.apiSessions.lookAround(moment)
  const admission = admit(candidate.userId, house, moment.rules.slots)
  if (admission === 'free') return undefined
  const isMade = admission === 'in exchange' && (await makeRoom(unit, candidate, moment, audit))
  return isMade ? undefined : fullHouse(house, moment)
}

/** Ends somebody's session for a reserved user. @returns false where there is none that may end */
async function makeRoom(
  unit: Unit,
  { userId }: Candidate,
  moment: Moment,
  audit: Pick<Audit, 'within'>,
): Promise<boolean> {
  const { apiSessions, reservedUsers } = unit
  const leaving = whoMakesRoom(await apiSessions.listLive({}, moment), await reservedUsers.list())
  if (!leaving) return false
  await apiSessions.end(leaving.id, moment.now)
  await audit.within(unit, {
    event: 'api_session_ended',
    actor: 'server',
    app: leaving.applicationUri,
    user: leaving.userId,
    detail: { session: leaving.id, cause: 'a reserved user needed the slot', for: userId },
  })
  return true
}
