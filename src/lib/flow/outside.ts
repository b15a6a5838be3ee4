/**
 * Does work that waits for somebody else's server, so that a request meanwhile keeps nobody from being served.
 * @param source whose answer it waits for: an address, the name of a queue, or several of these, each of which has room for some
 * @throws TooManyWaiting
 */
export type WhileOutside = <T>(source: string | readonly string[], work: () => Promise<T>) => Promise<T>

/** Thrown where so many wait for others already that one more is not let in; the message is for the operator. */
export class TooManyWaiting extends Error {}
