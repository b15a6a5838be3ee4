import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../../../domain/protocol/signing-algorithm.ts'
import {
  activeKeys,
  isSuccessorDue,
  KEY_LEEWAY,
  type KeySchedule,
  type KeyTimes,
  nextKey,
  stateOfKey,
  successorSignsFrom,
} from '../../../domain/tokens/signing-key-life.ts'
import type { SealedRows } from '../../../lib/crypto/master-keys.ts'
import type { Clock } from '../../../lib/time/clock.ts'
import type { SigningKeyStore, StoredSigningKey } from '../../../store/repositories/tokens/signing-keys.ts'
import type { Repositories, Write } from '../../../store/store.ts'
import { makeSigningKey } from './make-signing-key.ts'

interface Dependencies {
  readonly signingKeys: Pick<SigningKeyStore, 'list'>
  readonly writeAlone: Write<'signingKeys' | 'masterKey' | 'auditEvents'>
  readonly sealed: Pick<SealedRows, 'sealIn'>
  readonly clock: Clock
  readonly schedule: KeySchedule
}

type Unit = Pick<Repositories, 'signingKeys' | 'auditEvents'>

/** Notes in the same unit of work that a key is to take over. */
export type RecordRotation = (unit: Pick<Repositories, 'auditEvents'>, key: KeyTimes) => Promise<void>

/** What an administrator asks for. */
export interface RotationRequest {
  readonly algorithm: SigningAlgorithm
  /** Milliseconds between publication and first use; verifiers cache the key set that long. */
  readonly publishFor: number
  /** A new key even where one is published that is to take over. */
  readonly anew: boolean
}

/** What came of it; a key that could not take over sooner is left as it was. */
export interface Rotated {
  readonly key: StoredSigningKey
  readonly changed: boolean
}

const withoutKey = (keys: readonly KeyTimes[], algorithms: readonly SigningAlgorithm[]): SigningAlgorithm[] =>
  algorithms.filter((algorithm) => !keys.some((key) => key.algorithm === algorithm))

/** The keys that would take over before another one; any node may sign with a key whose time is about to come. */
function waitingUntil(keys: readonly KeyTimes[], { algorithm, signsFrom }: KeyTimes, now: number): KeyTimes[] {
  const signing = activeKeys(keys, now).get(algorithm)
  return keys.filter(
    (key) =>
      key.algorithm === algorithm &&
      stateOfKey(key, signing, now) === 'next' &&
      key.signsFrom > now + KEY_LEEWAY &&
      key.signsFrom < signsFrom,
  )
}

/** Lets keys come and go, one after another. */
export function createKeyRotation({ signingKeys, writeAlone, sealed, clock, schedule }: Dependencies) {
  const make = (algorithm: SigningAlgorithm) => makeSigningKey(algorithm, clock(), sealed)
  const dueOf = (keys: readonly KeyTimes[], now: number): SigningAlgorithm[] =>
    SIGNING_ALGORITHMS.filter((algorithm) => isSuccessorDue(keys, algorithm, schedule, now))

  async function publish(unit: Unit, key: StoredSigningKey, record: RecordRotation): Promise<void> {
    await unit.signingKeys.add(key)
    await retireOthers(unit, key)
    await record(unit, key)
  }

  const retireOthers = ({ signingKeys }: Pick<Unit, 'signingKeys'>, { algorithm, kid, signsFrom }: KeyTimes) =>
    signingKeys.retireOthers(algorithm, kid, signsFrom + schedule.retireAfter)

  /** What an administrator has planned is not overtaken by a key that the server published before; the one that signs goes on. */
  async function withdrawEarlier({ signingKeys }: Pick<Unit, 'signingKeys'>, keys: readonly KeyTimes[], key: KeyTimes) {
    const now = clock()
    const earlier = waitingUntil(keys, key, now)
    for (const { kid } of earlier) await signingKeys.remove(kid)
    const signing = activeKeys(keys, now).get(key.algorithm)
    if (earlier.length > 0 && signing) await signingKeys.keepUntil(signing.kid, key.signsFrom + schedule.retireAfter)
  }

  /** Makes the key ahead, as that takes long; the unit of work that runs the rest is the caller's. */
  async function prepareRotation({ algorithm, publishFor, anew }: RotationRequest) {
    const made = await make(algorithm)
    return async (unit: Unit & Pick<Repositories, 'masterKey'>, record: RecordRotation): Promise<Rotated> => {
      const keys = await unit.signingKeys.list()
      const waiting = anew ? undefined : nextKey(keys, algorithm, clock())
      if (waiting === undefined) {
        const key = { ...(await made.sealIn(unit)), signsFrom: made.createdAt + publishFor }
        await withdrawEarlier(unit, keys, key)
        await publish(unit, key, record)
        return { key, changed: true }
      }
      const signsFrom = Math.max(clock(), waiting.createdAt + publishFor)
      if (signsFrom >= waiting.signsFrom) return { key: waiting, changed: false }
      const key = { ...waiting, signsFrom }
      await unit.signingKeys.bringForward(key.kid, signsFrom)
      await retireOthers(unit, key)
      await record(unit, key)
      return { key, changed: true }
    }
  }

  return {
    /** Makes a key that nothing knows yet. */
    make,

    /** Makes the first key of each of these algorithms; does nothing where one exists. */
    async ensure(algorithms: readonly SigningAlgorithm[]): Promise<void> {
      const missing = withoutKey(await signingKeys.list(), algorithms)
      if (missing.length === 0) return
      const made = await Promise.all(missing.map(make))
      // Two processes may start on one new database; the first key counts.
      await writeAlone(async (unit) => {
        const present = await unit.signingKeys.list()
        for (const key of made)
          if (withoutKey(present, [key.algorithm]).length > 0) await unit.signingKeys.add(await key.sealIn(unit))
      })
    },

    /**
     * Whether a key is missing, or it is time to publish one.
     * @param now milliseconds since 1970, by a clock that believes no step forward
     */
    async hasWork(now: number): Promise<boolean> {
      const keys = await signingKeys.list()
      return withoutKey(keys, SIGNING_ALGORITHMS).length > 0 || dueOf(keys, now).length > 0
    },

    /** Publishes the successor of every key whose time is coming to its end. */
    async publishDue(now: number, record: RecordRotation): Promise<StoredSigningKey[]> {
      const published: StoredSigningKey[] = []
      for (const algorithm of dueOf(await signingKeys.list(), now)) {
        const made = await make(algorithm)
        const key = await writeAlone(async (unit) => {
          const keys = await unit.signingKeys.list()
          if (!isSuccessorDue(keys, algorithm, schedule, now)) return undefined
          const signsFrom = successorSignsFrom(keys, algorithm, schedule, clock())
          const successor = { ...(await made.sealIn(unit)), signsFrom }
          await publish(unit, successor, record)
          return successor
        })
        if (key) published.push(key)
      }
      return published
    },

    /** Lets another key take over: the one that waits for its turn, as soon as verifiers can know it, or else a new one. */
    async rotate(request: RotationRequest, record: RecordRotation): Promise<Rotated> {
      const rotateIn = await prepareRotation(request)
      return writeAlone((unit) => rotateIn(unit, record))
    },

    prepareRotation,
  }
}
