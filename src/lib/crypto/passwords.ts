import { hash, verify } from '@node-rs/argon2'

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

export interface Passwords {
  /** @returns an argon2id PHC string */
  hash(password: string): Promise<string>
  /** Takes as long for a missing hash as for a wrong password, so that time tells nothing. */
  verify(storedHash: string | undefined, password: string): Promise<boolean>
  /** Whether a hash was made elsewhere or before, so that checking it takes another time than checking the others. */
  isOfOtherCost(storedHash: string): boolean
}

/**
 * Password hashing behind a narrow gate: argon2 and signing share libuv's threads, so a flood of sign-ins must not starve tokens.
 * @param cost of one check
 * @param limits how many checks run at once, and how many may wait
 * @throws PasswordQueueFull when the queue is full
 */
export function createPasswords(cost = COST, limits = { atOnce: 2, queue: 64 }): Passwords {
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

  // Keyboards write the same accented letter in two ways. RFC 8265 §4.2
  const spelled = (password: string): string => password.normalize('NFC')
  const ownCost = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$`
  const nobodysHash = hash('nobody has this password', options)

  return {
    hash: (password) => inTurn(() => hash(spelled(password), options)),
    verify: (storedHash, password) =>
      inTurn(
        async () => (await verify(storedHash ?? (await nobodysHash), spelled(password))) && storedHash !== undefined,
      ),
    isOfOtherCost: (storedHash) => !storedHash.startsWith(ownCost),
  }
}
