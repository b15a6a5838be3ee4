import { HOUR, MINUTE } from '../../lib/time/clock.ts'

/** How many attempts there may be, and what happens beyond. Times are milliseconds. */
export interface AttemptLimit {
  readonly most: number
  readonly window: number
  /** How long the first lock lasts and how long any; each is twice the one before. None: the window is waited for. */
  readonly lock?: { readonly first: number; readonly longest: number }
  /** Attempts without a success, however far apart, after which none is let through. */
  readonly consecutive?: number
}

/** One name that was entered, or one device: ten attempts, then a lock that grows from 1 to 15 minutes. */
export const OF_NAME: AttemptLimit = { most: 10, window: 15 * MINUTE, lock: { first: MINUTE, longest: 15 * MINUTE } }
/** One account, by whatever name. @see NIST SP 800-63B §5.2.2 */
export const OF_ACCOUNT: AttemptLimit = { ...OF_NAME, consecutive: 100 }
/** One network that attempts come from. @param most a minute */
export const ofNetwork = (most: number): AttemptLimit => ({ most, window: MINUTE })

// For so long after a lock the next one is longer.
const LOCKS_REMEMBERED = HOUR

/** The attempts so far. Times are milliseconds since 1970. */
export interface Attempts {
  readonly since: number
  readonly count: number
  /** How many locks there were, one after another. */
  readonly locks: number
  readonly lockedUntil: number
  readonly consecutive: number
}

/** Whether one more attempt may be made; if so, what is to be remembered. `until` is when it is worth trying again. */
export type Turn =
  | { readonly admitted: true; readonly after: Attempts; readonly locks: boolean }
  | { readonly admitted: false; readonly until: number | undefined }

const NONE: Attempts = { since: 0, count: 0, locks: 0, lockedUntil: 0, consecutive: 0 }

/**
 * Counts one more attempt, before anybody knows how it ends: of many at once none gets past the limit. A success is forgotten
 * afterwards.
 * @param now milliseconds since 1970
 */
export function countAttempt(limit: AttemptLimit, before: Attempts = NONE, now: number): Turn {
  const { most, window, lock, consecutive: longest = Number.POSITIVE_INFINITY } = limit
  if (before.consecutive >= longest) return { admitted: false, until: undefined }
  if (before.lockedUntil > now) return { admitted: false, until: before.lockedUntil }
  const locksSoFar = before.lockedUntil + LOCKS_REMEMBERED > now ? before.locks : 0
  const fresh = before.since + window <= now
  const [since, count] = fresh ? [now, 1] : [before.since, before.count + 1]
  if (!lock && count > most) return { admitted: false, until: before.since + window }
  // Whoever was locked out has one attempt, then the next lock.
  const locks = lock !== undefined && (count >= most || locksSoFar > 0)
  const after = {
    since,
    count: Math.min(count, most),
    locks: locks ? locksSoFar + 1 : locksSoFar,
    lockedUntil: locks ? now + Math.min(lock.first * 2 ** locksSoFar, lock.longest) : before.lockedUntil,
    consecutive: before.consecutive + 1,
  }
  return { admitted: true, after, locks }
}

/** From when on nothing follows from the attempts any more, milliseconds since 1970. */
export const forgettableFrom = ({ window }: AttemptLimit, { since, lockedUntil }: Attempts): number =>
  Math.max(since + window, lockedUntil === 0 ? 0 : lockedUntil + LOCKS_REMEMBERED)
