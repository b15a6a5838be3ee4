import { SECOND } from '../../lib/time/clock.ts'
import type { ApiSession, ApiSessionRules } from './api-session.ts'

/** How many sessions live, and for whom a slot is kept. */
export interface SlotUsage {
  /** How many sessions live. */
  readonly live: number
  /** Milliseconds since 1970: when the session was used that was not used for the longest, and when the oldest of a service was opened. */
  readonly longestUnused: number | undefined
  readonly oldestService: number | undefined
  /** The ids of the reserved users that have no session: each is sure of one. */
  readonly reservedAbsent: readonly string[]
}

/** Whether a new session may be opened: on a free slot, in exchange for another session, or not at all. */
export type Admission = 'free' | 'in exchange' | 'full'

/**
 * Decides on a new session. Everybody leaves a slot for every other reserved user who is not there yet. A reserved user always gets in,
 * in each browser and whatever was set later, where need be in exchange.
 */
export function admit(
  userId: string,
  { live, reservedAbsent }: Pick<SlotUsage, 'live' | 'reservedAbsent'>,
  reserved: readonly string[],
  slots: number | undefined,
): Admission {
  if (slots === undefined) return 'free'
  if (reservedAbsent.includes(userId)) return live < slots ? 'free' : 'in exchange'
  if (live + reservedAbsent.length < slots) return 'free'
  return reserved.includes(userId) ? 'in exchange' : 'full'
}

/**
 * Chooses whose session ends for a reserved user: the one that was not used for the longest, also one of their own, save for the one
 * session that each other reserved user is sure of, which is their latest.
 * @param sessions every live session, in any order
 * @returns `undefined` when each of them is one that somebody else is sure of
 */
export function sessionToEvict(
  sessions: readonly ApiSession[],
  reserved: readonly string[],
  userId: string,
): ApiSession | undefined {
  const latestFirst = sessions.toSorted((a, b) => b.lastSeenAt - a.lastSeenAt || (a.id < b.id ? 1 : -1))
  const assured = new Set(reserved.filter((id) => id !== userId))
  // Each reserved user is taken off the list with their latest session.
  return latestFirst.filter(({ userId }) => !assured.delete(userId)).at(-1)
}

/**
 * In how many whole seconds the first session ends unless it is used; at least 1, and the idle time where there is none.
 * @param now milliseconds since 1970
 */
export function secondsUntilFreeSlot(
  { longestUnused, oldestService }: SlotUsage,
  rules: ApiSessionRules,
  now: number,
): number {
  const unused = (longestUnused ?? now) + rules.idle
  const service = (oldestService ?? now + rules.idle) + rules.serviceLength
  return Math.max(1, Math.ceil((Math.min(unused, service, now + rules.idle) - now) / SECOND))
}
