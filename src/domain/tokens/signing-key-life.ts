import { HOUR, MINUTE } from '../../lib/time/clock.ts'
import { LONGEST_ACCESS_TOKEN } from '../apps/trusted-application.ts'
import type { SigningAlgorithm } from '../protocol/signing-algorithm.ts'

/** Where a key is in its life: published ahead of use, signing, or kept for tokens it signed. */
export type KeyState = 'next' | 'active' | 'previous' | 'retired'

/** When a key does what; milliseconds since 1970. */
export interface KeyTimes {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly createdAt: number
  /** Published before, used from then on. */
  readonly signsFrom: number
  /** Published and accepted until then. */
  readonly retiresAt: number | undefined
}

/** How keys follow one another; milliseconds. */
export interface KeySchedule {
  /** For so long a key signs. */
  readonly rotation: number
  /** For so long it is published before. */
  readonly publishAhead: number
  /** For so long it is published afterwards. */
  readonly retireAfter: number
}

/** An hour beyond the last second of whatever lives longest, because clocks differ. */
export const SHORTEST_RETIREMENT = LONGEST_ACCESS_TOKEN + HOUR

/** So much earlier than its own clock says a node believes the next key: another one may be ahead. */
export const KEY_LEEWAY = MINUTE

/**
 * For each algorithm the newest key whose time has come; should the clock have gone back, the oldest.
 * @param keys the oldest first
 */
export function activeKeys<K extends KeyTimes>(keys: readonly K[], now: number): Map<SigningAlgorithm, K> {
  const active = new Map<SigningAlgorithm, K>()
  for (const key of keys) {
    if (key.signsFrom <= now || !active.has(key.algorithm)) active.set(key.algorithm, key)
  }
  return active
}

/** @param signing the key of its algorithm that signs now */
export function stateOfKey(key: KeyTimes, signing: KeyTimes | undefined, now: number): KeyState {
  if (signing?.kid === key.kid) return 'active'
  // A key that a newer one has overtaken will not sign any more.
  if (key.signsFrom > now && signing && key.createdAt >= signing.createdAt) return 'next'
  return key.retiresAt === undefined || key.retiresAt > now ? 'previous' : 'retired'
}

/** The key of an algorithm that is to take over, where one is published already. */
export function nextKey<K extends KeyTimes>(keys: readonly K[], algorithm: SigningAlgorithm, now: number) {
  const signing = activeKeys(keys, now).get(algorithm)
  return keys.findLast((key) => key.algorithm === algorithm && stateOfKey(key, signing, now) === 'next')
}

/**
 * Whether it is time to publish the key that follows the one that signs.
 * @param now milliseconds since 1970, by a clock that believes no step forward
 */
export function isSuccessorDue(
  keys: readonly KeyTimes[],
  algorithm: SigningAlgorithm,
  { rotation, publishAhead }: KeySchedule,
  now: number,
): boolean {
  const signing = activeKeys(keys, now).get(algorithm)
  if (!signing) return false
  return now >= signing.signsFrom + rotation - publishAhead && nextKey(keys, algorithm, now) === undefined
}

/** When a key that is published now takes over: never sooner than verifiers can have fetched it. */
export function successorSignsFrom(
  keys: readonly KeyTimes[],
  algorithm: SigningAlgorithm,
  { rotation, publishAhead }: KeySchedule,
  now: number,
): number {
  const signing = activeKeys(keys, now).get(algorithm)
  return signing ? Math.max(signing.signsFrom + rotation, now + publishAhead) : now
}
