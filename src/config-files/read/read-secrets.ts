import type { SecretDescription } from '../../admin/apps/app-secrets.ts'
import { isValidSecret, MOST_VALID_SECRETS } from '../../domain/apps/app-secret.ts'
import { whyBadName } from '../../domain/records/readable-name.ts'
import type { SealForRows } from '../../lib/crypto/master-keys.ts'
import { digest } from '../../lib/crypto/secrets.ts'
import { readTime } from '../../lib/time/read-time.ts'
import { type Complain, refuseUnknown } from '../schema/fields.ts'
import type { Suggest } from '../schema/records.ts'
import { isRecord } from '../schema/source.ts'
import { isVariable, readVariable, type Variables } from './variables.ts'

const IN_CLEAR = `a secret must not be in a file in plain text: write \${NAME} and set that environment variable, or give its base64(SHA-256) as ApplicationSecretHash`
const NO_HASH = 'expects base64(SHA-256(secret)), 44 characters'

/** Attributes that hold an app's secrets, and the name of the value inside an entry. */
const ATTRIBUTES = { ApplicationSecret: 'Secret', ApplicationSecretHash: 'Hash' } as const
type Attribute = keyof typeof ATTRIBUTES

/** 128 bits in base64url; the digest of a shorter secret can be tried out. @see RFC 6749 §10.10 */
const SHORTEST_STRONG = 22

/** A secret of a file, as its digest, and a way to seal it for an app that makes MACs with it. */
export interface WantedSecret extends SecretDescription {
  readonly isShort: boolean
}

export const SECRET_ATTRIBUTES = Object.keys(ATTRIBUTES) as Attribute[]

interface Context {
  readonly variables: Variables
  readonly suggest: Suggest
  readonly complain: Complain
  /** Milliseconds since 1970. */
  readonly now: number
  /** Seals a secret under its id. */
  readonly seal: SealForRows
}

/** Reads the secrets of an app; `undefined` where the file leaves them to others. */
export function readSecrets(fields: Readonly<Record<string, unknown>>, context: Context): WantedSecret[] | undefined {
  const given = SECRET_ATTRIBUTES.filter((attribute) => fields[attribute] !== undefined && fields[attribute] !== null)
  if (given.length === 0) return undefined
  const secrets = given.flatMap((attribute) =>
    [fields[attribute]].flat().flatMap((entry) => readSecret(attribute, entry, context) ?? []),
  )
  const hashes = secrets.map(({ hash }) => hash)
  const [attribute = 'ApplicationSecretHash'] = given
  if (new Set(hashes).size < hashes.length) context.complain(attribute, 'lists the same secret twice')
  if (secrets.filter((secret) => isValidSecret(secret, context.now)).length > MOST_VALID_SECRETS) {
    context.complain(
      attribute,
      `at most ${MOST_VALID_SECRETS} secrets can be valid at once; let one end with ExpiresAt`,
    )
  }
  return secrets
}

function readSecret(attribute: Attribute, entry: unknown, context: Context): WantedSecret | undefined {
  const { complain } = context
  const { value, label, expiresAt } = partsOf(attribute, entry, context)
  if (typeof value !== 'string' || value === '') {
    complain(attribute, `expects a text, or entries of ${ATTRIBUTES[attribute]}, Label and ExpiresAt`)
    return undefined
  }
  if (!isVariable(value) && (attribute === 'ApplicationSecret' || !isHash(value))) {
    complain(attribute, attribute === 'ApplicationSecret' ? IN_CLEAR : NO_HASH)
    return undefined
  }
  const held = isVariable(value) ? readVariable(value, attribute, context.variables, complain) : value
  if (held === undefined) return undefined
  const hash = attribute === 'ApplicationSecret' ? digest(held) : held
  if (!isHash(hash)) complain(attribute, `${NO_HASH}, in that variable`)
  if (attribute === 'ApplicationSecretHash') return { hash, label, expiresAt, isShort: false }
  return { hash, label, expiresAt, isShort: held.length < SHORTEST_STRONG, sealFor: (id) => context.seal(held, id) }
}

function partsOf(attribute: Attribute, entry: unknown, { suggest, complain }: Context) {
  if (!isRecord(entry)) return { value: entry, label: undefined, expiresAt: undefined }
  const inside = ATTRIBUTES[attribute]
  refuseUnknown(entry, [inside, 'Label', 'ExpiresAt'], suggest, (name, reason) =>
    complain(attribute, `${name} ${reason}`),
  )
  return {
    value: entry[inside],
    label: readLabel(entry['Label'], attribute, complain),
    expiresAt: readEnd(entry['ExpiresAt'], attribute, complain),
  }
}

function readLabel(label: unknown, attribute: Attribute, complain: Complain): string | undefined {
  if (label === undefined || label === null || label === '') return undefined
  const reason = typeof label === 'string' ? whyBadName(label) : 'expects a text'
  if (reason !== undefined) complain(attribute, `Label ${reason}`)
  return typeof label === 'string' ? label : undefined
}

const WITH_ZONE = /^[^T ]+$|(Z|[+-]\d\d:\d\d)$/

function readEnd(text: unknown, attribute: Attribute, complain: Complain): number | undefined {
  if (text === undefined || text === null) return undefined
  const time = typeof text === 'string' && WITH_ZONE.test(text) ? readTime(text) : undefined
  if (time !== undefined) return time
  complain(attribute, 'ExpiresAt expects a time with its zone, such as 2030-01-31T12:00:00Z')
  return undefined
}

const isHash = (text: string): boolean =>
  /^[A-Za-z0-9+/]{43}=$/.test(text) && Buffer.from(text, 'base64').toString('base64') === text
