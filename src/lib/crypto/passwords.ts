import { hash, verify } from '@node-rs/argon2'
import { spelledPassword, spellingsOfPassword } from '../text/password-spelling.ts'

/** What it takes to check one password, for its owner and for whoever guesses. */
export interface PasswordCost {
  /** In KiB. */
  readonly memoryCost: number
  /** In passes. */
  readonly timeCost: number
  /** In lanes. */
  readonly parallelism: number
}

// OWASP's minimum for argon2id: 19 MiB, two passes, one lane. argon2id is the library's default algorithm.
const COST: PasswordCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }
const DIGEST_BYTES = 32

/** Thrown when more password checks wait than the machine can do in time. */
export class PasswordQueueFull extends Error {}

/** What a password is to a hash. */
export interface Verdict {
  readonly isRight: boolean
  /** Whether the hash is one that would be made of the password today. */
  readonly isCurrent: boolean
}

export interface Passwords {
  /** @returns an argon2id PHC string */
  hash(password: string): Promise<string>
  /** Takes as long for a missing hash, for a wrong password and for a right one, so that time tells nothing. */
  verify(storedHash: string | undefined, password: string): Promise<Verdict>
  /** Whether a hash was made elsewhere or before, so that checking it takes another time than checking the others. */
  isOfOtherCost(storedHash: string): boolean
}

/**
 * Password hashing behind a narrow gate: argon2 and signing share libuv's threads, so a flood of sign-ins must not starve tokens.
 * @param cost of one check
 * @param limits how many checks run at once, and how many may wait
 * @param onDigest is told of each digest that a check takes
 * @throws PasswordQueueFull when the queue is full
 */
export function createPasswords(
  cost = COST,
  limits = { atOnce: 2, queue: 64 },
  onDigest: () => void = () => undefined,
): Passwords {
  const options = { ...cost, outputLen: DIGEST_BYTES }
  const waiting: (() => void)[] = []
  let running = 0

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= limits.atOnce) {
      if (waiting.length >= limits.queue) throw new PasswordQueueFull('too many password checks are queued')
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      // The place is handed over, so `running` stays the same.
      if (next) next()
      else running--
    }
  }

  const ownCost = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$`
  const nobodysHash = hash('nobody has this password', options)

  const isOfOtherCost = (storedHash: string): boolean => !storedHash.startsWith(ownCost)

  /** Tries every spelling, also after the right one: how many there are is for whoever typed it to know. */
  async function check(storedHash: string | undefined, password: string): Promise<Verdict> {
    const against = storedHash ?? (await nobodysHash)
    const right: boolean[] = []
    for (const spelling of spellingsOfPassword(password)) {
      onDigest()
      right.push(await verify(against, spelling))
    }
    const isRight = storedHash !== undefined && right.includes(true)
    return { isRight, isCurrent: isRight && right[0] === true && !isOfOtherCost(storedHash) }
  }

  return {
    hash: (password) => inTurn(() => hash(spelledPassword(password), options)),
    verify: (storedHash, password) => inTurn(() => check(storedHash, password)),
    isOfOtherCost,
  }
}
