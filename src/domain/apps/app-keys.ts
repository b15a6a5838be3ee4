import { createPublicKey, type KeyObject } from 'node:crypto'
import { parseStrictJson } from '../../lib/crypto/strict-json.ts'
import type { SigningAlgorithm } from '../protocol/signing-algorithm.ts'

/** A public key of an app that can verify what the app signed. @see RFC 7517 §4 */
export interface AppKey {
  readonly kid: string | undefined
  /** Those it can verify. */
  readonly algorithms: readonly SigningAlgorithm[]
  readonly key: KeyObject
}

const MOST_KEYS = 32
const LONGEST_SET = 65_536
const LONGEST_KID = 256
const LEAST_RSA_BITS = 2048
const MOST_RSA_BITS = 8192
// Each verification costs as much as the exponent is long; hardly anybody has another one than 65537.
const MOST_EXPONENT_BITS = 32n
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

type Members = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A key set, key by key: what can be used, and why the rest cannot. */
interface ReadKeySet {
  readonly keys: readonly AppKey[]
  /** Reasons that make the set one nobody should have registered. */
  readonly faults: readonly string[]
}

/**
 * Reads a JWK Set; keys of a kind or use that verifies no signature are passed over, as the specification asks.
 * @param text JSON
 * @see RFC 7517 §5
 */
export function readKeySet(text: string): ReadKeySet {
  const set = text.length > LONGEST_SET ? undefined : parseStrictJson(text)?.value
  const listed = isObject(set) ? set['keys'] : undefined
  if (!Array.isArray(listed))
    return {
      keys: [],
      faults: [`is not a JWK Set: a JSON object with an array "keys", of at most ${LONGEST_SET} bytes`],
    }
  if (listed.length > MOST_KEYS) return { keys: [], faults: [`has more than ${MOST_KEYS} keys`] }
  const parsed = listed.map((key: unknown, index) => parseKey(key, index + 1))
  const keys = parsed.flatMap(({ key }) => (key ? [key] : []))
  const faults = parsed.flatMap(({ fault }) => (fault === undefined ? [] : [fault]))
  return {
    keys,
    faults: [
      ...faults,
      ...(keys.length === 0 && faults.length === 0
        ? ['holds no key that verifies a signature: RSA of 2048 bits or more, EC P-256, or Ed25519']
        : []),
    ],
  }
}

function parseKey(given: unknown, place: number): { readonly key?: AppKey; readonly fault?: string } {
  if (!isObject(given)) return { fault: `key ${place} is not an object` }
  const { kty, kid, use, key_ops: operations, alg } = given
  if (kty === 'oct') return { fault: `key ${place} is a shared secret, which does not belong in a key set` }
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(given, member)))
    return { fault: `key ${place} holds private members; treat the key as disclosed, and create a new one` }
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > LONGEST_KID))
    return { fault: `the kid of key ${place} is not a text of 1 to ${LONGEST_KID} characters` }
  if (use !== undefined && use !== 'sig') return {}
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return {}
  const kind = KINDS.find((known) => known.kty === kty && (known.crv === undefined || known.crv === given['crv']))
  const algorithms = kind?.algorithms.filter((known) => alg === undefined || alg === known) ?? []
  if (!kind || algorithms.length === 0) return {}
  const jwk = Object.fromEntries(kind.members.map((member) => [member, String(given[member] ?? '')]))
  const key = importKey(jwk)
  if (key === undefined) return { fault: `key ${place} is not a valid key` }
  const weak = whyWeak(key)
  return weak === undefined ? { key: { kid, algorithms, key } } : { fault: `key ${place} ${weak}` }
}

interface Kind {
  readonly kty: string
  readonly crv?: string
  readonly algorithms: readonly SigningAlgorithm[]
  readonly members: readonly string[]
}

/** @see RFC 7518 §6, RFC 8037 §2 */
const KINDS: readonly Kind[] = [
  { kty: 'RSA', algorithms: ['RS256', 'PS256'], members: ['kty', 'n', 'e'] },
  { kty: 'EC', crv: 'P-256', algorithms: ['ES256'], members: ['kty', 'crv', 'x', 'y'] },
  { kty: 'OKP', crv: 'Ed25519', algorithms: ['EdDSA'], members: ['kty', 'crv', 'x'] },
]

function importKey(jwk: Readonly<Record<string, string>>): KeyObject | undefined {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' })
  } catch {
    return undefined
  }
}

function whyWeak({ asymmetricKeyDetails: details }: KeyObject): string | undefined {
  const { modulusLength: bits = LEAST_RSA_BITS, publicExponent = 3n } = details ?? {}
  if (bits < LEAST_RSA_BITS || bits > MOST_RSA_BITS)
    return `is an RSA key of ${bits} bits; ${LEAST_RSA_BITS} to ${MOST_RSA_BITS} are allowed`
  if (publicExponent < 3n || publicExponent % 2n === 0n) return 'has an exponent that lets anybody sign'
  return publicExponent >> MOST_EXPONENT_BITS > 0n
    ? `has an exponent of more than ${MOST_EXPONENT_BITS} bits; 65537 is the usual one`
    : undefined
}
