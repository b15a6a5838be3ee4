import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'

/** Gives that many random bytes; an input, like the clock. */
export type Random = (bytes: number) => Buffer

export const systemRandom: Random = randomBytes

/** A value nobody can guess: 256 bits, base64url. @see RFC 6749 §10.10 */
export const newSecret = (random: Random): string => random(32).toString('base64url')

/** Whether a text could be one of those. */
export const looksLikeSecret = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text)

/** A short id for people to read aloud and copy: 80 bits, no look-alike letters (Crockford base32). */
export function newShortId(random: Random): string {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
  return Array.from(random(16), (byte) => alphabet[byte & 31]).join('')
}

export const newId = (): string => randomUUID()

/**
 * An id that sorts by time: by the clock first, and within one tick by the order in which a process made them.
 * @param now milliseconds since 1970
 */
export const newOrderedId = (now: number): string =>
  `${now.toString(16).padStart(12, '0')}-${process.hrtime.bigint().toString(16).padStart(16, '0')}-${randomBytes(4).toString('hex')}`

/** What is stored instead of a high-entropy secret: base64(SHA-256), so that a hash made elsewhere can be pasted in. */
export const digest = (secret: string): string => createHash('sha256').update(secret, 'utf8').digest('base64')

/** Compares two digests in constant time; an empty or missing one never matches. */
export function sameDigest(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left, 'utf8'), Buffer.from(right, 'utf8')]
  return a.length > 0 && a.length === b.length && timingSafeEqual(a, b)
}
