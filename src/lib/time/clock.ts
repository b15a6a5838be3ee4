/** Tells the time in milliseconds since 1970; an input everywhere, so that tests turn it by hand. */
export type Clock = () => number

/** What the machine takes for the time. */
export const systemClock: Clock = () => Date.now()

/** Whole seconds, as JWT and OAuth write times (NumericDate). @see RFC 7519 §2 */
export const inSeconds = (milliseconds: number): number => Math.floor(milliseconds / 1000)

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** A time as JSON holds it: ISO 8601 in UTC. */
export const isoTime = (milliseconds: number): string => new Date(milliseconds).toISOString()
