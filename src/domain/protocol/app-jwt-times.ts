import { SECOND } from '../../lib/time/clock.ts'

// Clocks differ: for so long what an app has signed counts after its end, and before its beginning; milliseconds.
const LATE = 10 * SECOND
export const EARLY = 30 * SECOND

type Claims = Readonly<Record<string, unknown>>

/** Which claim is wrong, and how. */
export interface TimeFault {
  readonly claim: 'exp' | 'iat' | 'nbf'
  readonly is: 'no time' | 'over' | 'ahead'
}

/** Whether a claim is a time: seconds since 1970, of which none are negative. @see RFC 7519 §2 */
export const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0

/** Milliseconds since 1970 until which a JWT of an app counts. @param exp seconds since 1970 */
export const countsUntil = (exp: number): number => exp * SECOND + LATE

/**
 * Says why a JWT that an app has signed does not count at this time, or `undefined`; a claim that is missing is not asked for.
 * @param now milliseconds since 1970
 * @see RFC 7519 §4.1.4, §4.1.5, §4.1.6
 */
export function whyOutOfTime(claims: Claims, now: number): TimeFault | undefined {
  for (const claim of ['exp', 'iat', 'nbf'] as const) {
    const value = claims[claim]
    if (value === undefined) continue
    if (!isTime(value)) return { claim, is: 'no time' }
    if (claim === 'exp' && countsUntil(value) <= now) return { claim, is: 'over' }
    if (claim !== 'exp' && value * SECOND > now + EARLY) return { claim, is: 'ahead' }
  }
  return undefined
}
