import type { InitialAccessToken, SelfRegistration } from '../../domain/apps/self-registration.ts'
import type { Refused } from '../../domain/refusals/errors.ts'
import { type AttemptLimit, countAttempt, type Turn } from '../../domain/sessions/sign-in-attempts.ts'
import { type Clock, HOUR, SECOND } from '../../lib/time/clock.ts'
import type { SignInAttempts } from '../../store/repositories/users/sign-in-attempts.ts'
import type { Repositories, Write } from '../../store/store.ts'
import { changedTooOften, fetchedTooOften, full, tooOften } from './refusals.ts'

/** Where a request comes from. */
export interface Caller {
  readonly address: string
  /** What it is counted under; nothing is counted of programs of this very machine. */
  readonly network: string | undefined
}

/** How many registrations there may be. */
export interface RegistrationLimits {
  /** How many apps that registered themselves there may be. */
  readonly most: number
  /** How many of them a network may register within an hour, and how often change or end them, without a token. */
  readonly hourly: number
}

interface Dependencies {
  readonly read: Pick<Repositories, 'selfRegistrations' | 'auditEvents' | 'signInAttempts'>
  readonly write: Write<'signInAttempts'>
  readonly clock: Clock
  readonly limits: RegistrationLimits
}

export type CountRegistrations = ReturnType<typeof createCountRegistrations>

type Attempts = Pick<Repositories, 'signInAttempts'>
type Counts = Pick<Repositories, 'selfRegistrations' | 'auditEvents'>
type Counted = readonly [key: string, most: number, refuse: (most: number, retryAfter: number) => Refused]

/** How often an app may change its own registration within an hour. */
const CHANGES_OF_ONE = 20

/** Counts what strangers do about registrations, on all nodes together: each of these costs the server something that others need. */
export function createCountRegistrations({ read, write, clock, limits: { most, hourly } }: Dependencies) {
  const limitOf = (most: number): AttemptLimit => ({ most, window: HOUR })

  function requireAdmitted(turn: Turn, [, most, refuse]: Counted): void {
    if (turn.admitted) return
    throw refuse(most, Math.max(1, Math.ceil(((turn.until ?? 0) - clock()) / SECOND)))
  }

  async function take(attempts: Pick<SignInAttempts, 'take'>, counted: Counted): Promise<void> {
    const [key, most] = counted
    requireAdmitted(await attempts.take({ key, user: undefined, limit: limitOf(most) }, clock()), counted)
  }

  /** Whoever must wait is refused without a write. */
  async function requireTurn(counted: Counted): Promise<void> {
    const [key, most] = counted
    requireAdmitted(countAttempt(limitOf(most), await read.signInAttempts.find(key), clock()), counted)
  }

  async function takeEach({ signInAttempts }: Attempts, counted: readonly Counted[]): Promise<void> {
    for (const one of counted) await take(signInAttempts, one)
  }

  /** Whoever brought a token was let in by the operator. */
  const ofNetwork = (
    what: string,
    { initialAccessToken }: Pick<SelfRegistration, 'initialAccessToken'>,
    { network }: Caller,
  ): Counted[] =>
    initialAccessToken === undefined && network !== undefined
      ? [[`${what}:${network}`, hourly, (...of) => changedTooOften('network', ...of)]]
      : []

  const changesOf = (registration: SelfRegistration, caller: Caller): Counted[] => [
    [
      `registration-change:app:${registration.applicationUri}`,
      CHANGES_OF_ONE,
      (...of) => changedTooOften('app', ...of),
    ],
    ...ofNetwork('registration-change', registration, caller),
  ]

  const fetchesBy = (token: InitialAccessToken | undefined, { network }: Caller): string | undefined => {
    const who = token ? `initial-token:${token.id}` : network
    return who === undefined ? undefined : `registration-fetch:${who}`
  }

  return {
    /** @throws Refused */
    async requireRoom(
      unit: Counts,
      token: InitialAccessToken | undefined,
      { address, network }: Caller,
      now: number,
    ): Promise<void> {
      if ((await unit.selfRegistrations.countUpTo(most)) >= most) throw full(most)
      if (token || network === undefined) return
      if ((await unit.auditEvents.countRegistrations(address, now - HOUR)) >= hourly) throw tooOften(hourly)
    },

    /** Before something is fetched for a registration: one that fails leaves no other trace. @throws Refused */
    async countFetch(token: InitialAccessToken | undefined, caller: Caller): Promise<void> {
      await this.requireRoom(read, token, caller, clock())
      const key = fetchesBy(token, caller)
      if (key === undefined) return
      const counted: Counted = [key, hourly, fetchedTooOften]
      await requireTurn(counted)
      await write(({ signInAttempts }) => take(signInAttempts, counted))
    },

    /** The registration is there, and counts from now on. */
    async fetchWasGood(
      { signInAttempts }: Attempts,
      token: InitialAccessToken | undefined,
      caller: Caller,
    ): Promise<void> {
      const key = fetchesBy(token, caller)
      if (key !== undefined) await signInAttempts.giveBack(key)
    },

    /** @throws Refused */
    async requireTurnToChange(registration: SelfRegistration, caller: Caller): Promise<void> {
      for (const one of changesOf(registration, caller)) await requireTurn(one)
    },

    /** @throws Refused */
    countChange: (unit: Attempts, registration: SelfRegistration, caller: Caller): Promise<void> =>
      takeEach(unit, changesOf(registration, caller)),

    /** Before something is fetched for the change, whatever comes of it. @throws Refused */
    countChangeAhead: (registration: SelfRegistration, caller: Caller): Promise<void> =>
      write((unit) => takeEach(unit, changesOf(registration, caller))),

    /**
     * Counted by itself, so that changes keep no app from being removed, and with the removal, which a full disk does not stop.
     * @throws Refused
     */
    countRemoval: (unit: Attempts, registration: SelfRegistration, caller: Caller): Promise<void> =>
      takeEach(unit, ofNetwork('registration-removal', registration, caller)),
  }
}
