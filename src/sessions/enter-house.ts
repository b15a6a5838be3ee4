import type { ApiSession } from '../domain/api-session.ts'
import type { AuditRecord, AuditRecords } from '../domain/audit.ts'
import { admit, whoMakesRoom } from '../domain/licence-slots.ts'
import { newId } from '../lib/secrets.ts'
import type { Holder, Moment } from '../repositories/api-sessions.ts'
import type { Repositories } from '../repositories/store.ts'
import { type Full, fullHouse } from './full-house.ts'

/** Who wants a session, and of which kind it would be. */
export type Candidate = Holder & Pick<ApiSession, 'kind'> & { readonly sessionEpoch: number }

type Unit = Pick<Repositories, 'apiSessions' | 'sessionEpochs' | 'reservedUsers' | 'auditEvents'>

/** How it went, and what to tell of it once it is committed. */
interface Entry {
  readonly outcome: ApiSession | Full | 'ended'
  readonly record?: AuditRecord
}

/**
 * Gives a candidate the session that they have by now, or a new one where there is a slot; nobody else counts or opens
 * meanwhile, on any node.
 */
export async function enterHouse(
  unit: Unit,
  candidate: Candidate,
  moment: Moment,
  audits: Pick<AuditRecords, 'record'>,
): Promise<Entry> {
  const { apiSessions } = unit
  const { now, rules } = moment
  if (!(await mayOpen(unit, candidate))) return { outcome: 'ended' }
  await apiSessions.endOver(moment)
  const known = await apiSessions.findLive(candidate, moment)
  if (known) {
    await apiSessions.touch([known.id], now, moment)
    return { outcome: { ...known, lastSeenAt: now } }
  }
  const house = await apiSessions.lookAround(moment)
  const admission = admit(candidate.userId, house, rules.slots)
  const record = admission === 'in exchange' ? await makeRoom(unit, candidate, moment, audits) : undefined
  if (admission !== 'free' && !record) return { outcome: fullHouse(house, moment) }
  const session = { ...candidate, id: newId(), openedAt: now, lastSeenAt: now }
  await apiSessions.add(session)
  return record ? { outcome: session, record } : { outcome: session }
}

/** Whether nothing has ended the token that the candidate came with, nor can until the session is there to be ended as well. */
const mayOpen = async ({ apiSessions, sessionEpochs }: Unit, candidate: Candidate): Promise<boolean> =>
  (await apiSessions.mayOpen(candidate)) &&
  (await sessionEpochs.hold(candidate.applicationUri, candidate.userId, candidate.sessionEpoch))

/** Ends somebody's session for a reserved user; does nothing where there is none that may end. */
async function makeRoom(
  { apiSessions, reservedUsers, auditEvents }: Unit,
  { userId }: Candidate,
  moment: Moment,
  audits: Pick<AuditRecords, 'record'>,
): Promise<AuditRecord | undefined> {
  const leaving = whoMakesRoom(await apiSessions.listLive({}, moment), await reservedUsers.list())
  if (!leaving) return undefined
  await apiSessions.end(leaving.id, moment.now)
  const record = audits.record({
    event: 'api_session_ended',
    actor: 'server',
    app: leaving.applicationUri,
    user: leaving.userId,
    detail: { session: leaving.id, cause: 'a reserved user needed the slot', for: userId },
  })
  await auditEvents.add([record])
  return record
}
