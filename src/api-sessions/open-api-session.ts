import type { Audit } from '../domain/instance/audit.ts'
import { Refused } from '../domain/refusals/errors.ts'
import { type ApiSession, endOf } from '../domain/sessions/api-session.ts'
import { admit } from '../domain/sessions/licence-slots.ts'
import type { Seat } from '../domain/sessions/seat.ts'
import { createAtMost } from '../lib/flow/at-most.ts'
import { createRarely } from '../lib/flow/rarely.ts'
import { type Clock, inSeconds, MINUTE, SECOND } from '../lib/time/clock.ts'
import type { AsOf } from '../store/repositories/sessions/live-api-sessions.ts'
import type { Repositories, TokenCheckUnit, Write } from '../store/store.ts'
import { admitSession, type Candidate, hasSpareSlot } from './admit-session.ts'
import { busy } from './busy.ts'
import { type SlotsExhausted, slotsExhausted } from './slots-exhausted.ts'

type Slots = 'settings' | 'apiSessions' | 'reservedUsers'

interface Dependencies {
  readonly read: TokenCheckUnit & Pick<Repositories, Slots>
  readonly write: Write<'apiSessions'>
  readonly writeAlone: Write<keyof TokenCheckUnit | Slots | 'sessions' | 'auditEvents'>
  /** @throws Refused while nothing new may be stored */
  readonly requireDiskSpace: () => void
  readonly clock: Clock
  readonly audit: Audit
}

/** Whoever calls an API: an app, whom it acts as, and the seat that it does so from. */
export interface ApiCaller {
  readonly seat: Seat
  readonly app: { readonly applicationUri: string; readonly epoch: number }
  readonly user: { readonly id: string; readonly epoch: number }
  /** Of both together, as the token was checked. */
  readonly sessionEpoch: number
  /** Whether a person acts rather than the app itself. */
  readonly interactive: boolean
  /** The sign-in session that the token ends with, if it does. */
  readonly session: string | undefined
  /** Checks them again by what a unit of work sees: whoever waited may have been switched off meanwhile. @throws Refused */
  readonly recheck: (unit: TokenCheckUnit) => Promise<unknown>
}

/** A session that lives. */
export interface OpenApiSession {
  readonly id: string
  /** Whole seconds until it is over if nobody uses it any more. */
  readonly expiresIn: number
}

// A session in use is written at most this often.
const TOUCH_EVERY = SECOND

export type OpenApiSessions = ReturnType<typeof createOpenApiSession>

/** Opens API sessions and keeps them alive: never one more than there are licence slots, on any number of nodes. */
export function createOpenApiSession({ read, write, writeAlone, requireDiskSpace, clock, audit }: Dependencies) {
  // Whoever waits here holds no connection to the database, so that everything else goes on.
  const inTurn = createAtMost(1)
  // How often the database did not take a session in time.
  let failures = 0
  const onceAMinute = createRarely(clock, MINUTE)
  const asOfNow = async ({ settings }: Pick<Repositories, 'settings'>): Promise<AsOf> => ({
    rules: await settings.apiSessionRules(),
    now: clock(),
  })

  /** The session that the app calls within already, kept alive by one statement that decides. */
  async function useKnown(candidate: Candidate): Promise<OpenApiSession | undefined> {
    const asOf = await asOfNow(read)
    const session = await read.apiSessions.findLive(candidate.seat, asOf)
    if (!session || !(await read.apiSessions.hasApp(session.id, candidate))) return undefined
    if (asOf.now - session.lastSeenAt < TOUCH_EVERY) return show(session, asOf)
    try {
      const touched = await write(({ apiSessions }) => apiSessions.touch([session.id], asOf.now, asOf))
      return touched.length === 0 ? undefined : show({ ...session, lastSeenAt: asOf.now }, asOf)
    } catch (error) {
      // Where nothing can be written it lives on as it is, rather than every API standing still.
      if (error instanceof Refused && error.code === 'temporarily_unavailable') return show(session, asOf)
      throw error
    }
  }

  /** Says at once that every slot is seen to be taken, without taking anybody's turn on the database; whoever has a seat needs none. */
  async function checkSlots({ seat, userId }: Candidate): Promise<SlotsExhausted | undefined> {
    const asOf = await asOfNow(read)
    if ((await hasSpareSlot(read, asOf.rules)) || (await read.apiSessions.findLive(seat, asOf))) return undefined
    const usage = await read.apiSessions.usage(asOf)
    return admit(userId, usage, await read.reservedUsers.list(), asOf.rules.slots) === 'full'
      ? slotsExhausted(usage, asOf)
      : undefined
  }

  /**
   * @param caller checked again, and held: whoever signs out or ends their tokens right now waits until the session is there to be
   *   ended as well
   * @param failed how often the database had failed when the candidate came: behind a failure nobody waits for another one
   */
  async function openAnother(
    candidate: Candidate,
    { recheck, session: signIn }: Pick<ApiCaller, 'recheck' | 'session'>,
    failed: number,
  ): Promise<OpenApiSession | SlotsExhausted> {
    const exhausted = await checkSlots(candidate)
    if (exhausted) return exhausted
    if (failures > failed) throw busy()
    requireDiskSpace()
    const { outcome, asOf } = await writeAlone(async (unit) => {
      if (signIn !== undefined) await unit.sessions.hold(signIn)
      await recheck(unit)
      const { applicationUri, userId, sessionEpoch } = candidate
      if (!(await unit.sessionEpochs.hold(applicationUri, userId, sessionEpoch))) throw endedMeanwhile(candidate)
      const asOf = await asOfNow(unit)
      return { asOf, outcome: await admitSession(unit, candidate, asOf, audit) }
    }).catch((error: unknown) => {
      if (!(error instanceof Refused) || error.code === 'temporarily_unavailable') failures += 1
      throw error
    })
    return 'id' in outcome ? show(outcome, asOf) : outcome
  }

  /**
   * The session of the seat that an app calls from; the first call opens it, and an app that comes later joins it.
   * @throws Refused `MaximumLicenseCountExceeded`, and whatever the caller is refused with when checked again
   */
  return async function openApiSession(caller: ApiCaller): Promise<OpenApiSession> {
    const { seat, app, user, sessionEpoch, interactive, recheck } = caller
    const candidate: Candidate = {
      seat,
      applicationUri: app.applicationUri,
      userId: user.id,
      appEpoch: app.epoch,
      userEpoch: user.epoch,
      sessionEpoch,
      kind: interactive ? 'user' : 'service',
    }
    const failed = failures
    const outcome =
      (await useKnown(candidate)) ??
      (await inTurn(async () => {
        // Whoever waited for their turn may have been switched off, and find the session that somebody else has opened.
        await recheck(read)
        return (await useKnown(candidate)) ?? (await openAnother(candidate, caller, failed))
      }))
    if ('id' in outcome) return outcome
    if (onceAMinute(app.applicationUri))
      audit.note({ event: 'license_exceeded', app: app.applicationUri, user: user.id, detail: outcome.figures })
    throw outcome.refusalOf(candidate)
  }
}

const show = (session: ApiSession, { rules, now }: AsOf): OpenApiSession => ({
  id: session.id,
  expiresIn: inSeconds(endOf(session, rules) - now),
})

const endedMeanwhile = ({ applicationUri, userId }: Candidate): Refused =>
  new Refused(
    'invalid_token',
    'the token is not valid, or not for an API of this app',
    {
      rule: 'access-token-ended',
      cause: 'the access of the app as the user was ended while the token was being checked',
      client_id: applicationUri,
      user: userId,
    },
    { status: 400 },
  )
