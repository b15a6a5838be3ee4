import type { Outcome } from '../../domain/outbox/delivery.ts'
import { HOUR, MINUTE, SECOND } from '../../lib/time/clock.ts'

// Milliseconds before each further attempt: more than a day in all.
const WAITS = [30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 10 * HOUR]
// Whoever fails over something and says so may do better the next time.
const MOST_REFUSALS = 3

/** How long to wait for the attempt after this one, in milliseconds. @param attempts made so far, this one included */
export const waitAfter = (attempts: number): number => WAITS[attempts - 1] ?? WAITS.at(-1) ?? 0

/** Whether there is no point in another attempt. @param attempts made so far */
export const isLast = (outcome: Outcome, attempts: number): boolean =>
  outcome.kind === 'pointless' ||
  (outcome.kind === 'refused' && attempts >= MOST_REFUSALS) ||
  (outcome.kind === 'failed' && attempts > WAITS.length)
