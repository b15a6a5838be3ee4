import type { SigningAlgorithm } from '../../domain/protocol/signing-algorithm.ts'
import { activeKeys, KEY_LEEWAY, type KeyTimes, nextKey } from '../../domain/tokens/signing-key-life.ts'
import { isoTime, MINUTE } from '../../lib/time/clock.ts'
import type { StoredSigningKey } from '../../store/repositories/tokens/signing-keys.ts'
import type { Repositories } from '../../store/store.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { notThere } from '../change/refuse-change.ts'

type Unit = Pick<Repositories, 'signingKeys' | 'masterKey' | 'tokenNotices' | 'auditEvents'>

/** A key that nothing knows yet, which the unit of work that stores it seals. */
export interface FreshKey {
  sealIn(unit: Pick<Unit, 'masterKey'>): Promise<StoredSigningKey>
}

/** What became of the keys of an algorithm when one was revoked. */
export interface RevokedKey {
  readonly key: KeyTimes
  /** Which key signs in its place from now on; `undefined` where it did not sign. */
  readonly successor: KeyTimes | undefined
}

/** @throws Refused `not_found` */
export async function requireKey({ signingKeys }: Pick<Unit, 'signingKeys'>, kid: string): Promise<StoredSigningKey> {
  const key = (await signingKeys.kinOf(kid)).find((each) => each.kid === kid)
  if (key) return key
  throw notThere([{ attribute: 'kid', reason: `there is no signing key ${shown(kid)}; tessera key list shows them` }])
}

const shown = (kid: string): string => (/^[\w-]{1,64}$/.test(kid) ? kid : 'of this id')

/**
 * Takes a signing key away: nothing it signed is good any more, at this server from the next request on, and APIs that check tokens by
 * themselves are told to ask again. Where it was the one that signs, the next one signs at once.
 * @param made a key of the same algorithm, for where no other is published already
 * @throws Refused `not_found`
 */
export async function revokeKey(unit: Unit, kid: string, made: FreshKey, context: ChangeContext): Promise<RevokedKey> {
  const { signingKeys, tokenNotices } = unit
  const { now } = context
  const key = await requireKey(unit, kid)
  const kin = await signingKeys.list(key.algorithm)
  const signing = activeKeys(kin, now).get(key.algorithm)
  const next = nextKey(kin, key.algorithm, now)
  await signingKeys.remove(kid)
  const successor = signing?.kid === kid ? await letSign(unit, { next, made, now }) : undefined
  // What follows the one that signs may be gone with it, and what now follows may have been given up for it.
  const left = await signingKeys.list(key.algorithm)
  const signsOn = [activeKeys(left, now).get(key.algorithm), nextKey(left, key.algorithm, now)]
  for (const each of signsOn) if (each) await signingKeys.keepUntil(each.kid, null)
  await tokenNotices.add({}, now)
  const detail = { kid, algorithm: key.algorithm, signsFrom: isoTime(key.signsFrom), successor: successor?.kid ?? null }
  await recordChange(unit, { event: 'key_revoked', detail }, context)
  return { key, successor }
}

interface Candidates {
  readonly next: StoredSigningKey | undefined
  readonly made: FreshKey
  readonly now: number
}

/** The key that is published already is known to those who check tokens; from when on it signs is a little ago, as clocks differ. */
async function letSign(unit: Unit, { next, made, now }: Candidates): Promise<KeyTimes> {
  const signsFrom = now - KEY_LEEWAY
  const key = { ...(next ?? (await made.sealIn(unit))), signsFrom }
  if (next) await unit.signingKeys.bringForward(next.kid, signsFrom)
  else await unit.signingKeys.add(key)
  return key
}

// How long verifiers may keep the key set.
const CACHED = 5 * MINUTE

/** Why a key that is published for so short a time could be missed by verifiers, if it could. */
export const whyHasty = (publishFor: number): string | undefined =>
  publishFor < CACHED ? 'must be 5m or more, as verifiers may cache the key set for 5 minutes' : undefined

/** Why a rotation changed nothing. */
export const whyNotSooner = ({ kid, signsFrom }: KeyTimes): string =>
  `${kid} is already published and signs from ${isoTime(signsFrom)}`

/** Notes that a key is to take over. */
export const recordRotation = (
  unit: Pick<Unit, 'auditEvents'>,
  { kid, algorithm, signsFrom }: KeyTimes,
  context: ChangeContext,
): Promise<void> =>
  recordChange(unit, { event: 'key_rotated', detail: { kid, algorithm, signsFrom: isoTime(signsFrom) } }, context)

/** What makes a key of an algorithm that nothing knows yet. */
export type MakeKey = (algorithm: SigningAlgorithm) => Promise<FreshKey>
