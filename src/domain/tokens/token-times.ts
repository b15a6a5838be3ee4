import { MINUTE } from '../../lib/time/clock.ts'

/** Milliseconds by which the clocks of nodes and APIs may differ: a token that begins so much later counts all the same. */
export const CLOCKS_DIFFER = MINUTE

/**
 * From when on a token says that it counts: not from the very second it was made in, as many APIs bear no second of difference.
 * @param iat seconds since 1970
 * @returns seconds since 1970
 * @see RFC 7519 §4.1.5
 */
export const notBefore = (iat: number): number => Math.max(0, iat - CLOCKS_DIFFER / 1000)
