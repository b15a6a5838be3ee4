import { HOUR, MINUTE, SECOND } from '../../lib/time/clock.ts'

// Milliseconds before each further attempt: more than a day in all.
const WAITS = [30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 10 * HOUR]
// An app may fail to log somebody out and say so, and do better the next time.
const MOST_REFUSALS = 3

/** How an attempt went. */
export type Outcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'failed'; readonly error: string }
  /** The app does not take it, and may say so again. */
  | { readonly kind: 'refused'; readonly error: string }
  /** There is nobody to tell any more. */
  | { readonly kind: 'pointless'; readonly error: string }

/** How long to wait for the attempt after this one, in milliseconds. @param attempts made so far, this one included */
export const waitAfter = (attempts: number): number => WAITS[attempts - 1] ?? WAITS.at(-1) ?? 0

/** What an answer means; redirects are not followed. @see OIDC Back-Channel Logout §2.8 */
export function judgeAnswer(status: number): Outcome {
  if (status === 200 || status === 204) return { kind: 'delivered' }
  const error = `the app answered ${status}`
  const passes = status < 400 || status >= 500 || [408, 425, 429].includes(status)
  return passes ? { kind: 'failed', error } : { kind: 'refused', error }
}

/** Whether there is no point in another attempt. @param attempts made so far */
export const isLast = (outcome: Outcome, attempts: number): boolean =>
  outcome.kind === 'pointless' ||
  (outcome.kind === 'refused' && attempts >= MOST_REFUSALS) ||
  (outcome.kind === 'failed' && attempts > WAITS.length)
