import { SECOND } from '../../lib/time/clock.ts'
import { readDuration } from '../../lib/time/duration.ts'
import { splitUris } from '../protocol/uri-list.ts'
import * as metadata from './metadata-kinds.ts'
import { mergeNames, type NamesByLanguage, parseNames, readNames } from './names-by-language.ts'

/** A value as the record shows it, in JSON and to people. */
export type Shown = string | number | boolean | null

/** The JSON Schema of a part of a list. */
export interface PartSchema {
  readonly type: 'string'
  readonly enum?: readonly string[]
  readonly pattern?: string
}

/** The JSON Schema of a value. */
export interface ValueSchema {
  readonly type: string | readonly string[]
  readonly enum?: readonly (string | null)[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: PartSchema
  readonly maxItems?: number
  readonly additionalProperties?: { readonly type: string | readonly string[] }
  /** What JSON expects, where that is not what text expects. */
  readonly description?: string
}

/** How values of one kind are read from text, from JSON and from client metadata, and shown. */
export interface Kind<T> {
  /** What a value is, in two words, for a table of a document. */
  readonly noun: string
  /** Completes the sentence "NAME expects ...". */
  readonly expects: string
  /** Of the value in JSON. */
  readonly schema: ValueSchema
  /** Between the parts of a list that is one text. */
  readonly separator?: ',' | ' '
  /** Of each part of such a list, where it comes as a list. */
  readonly part?: PartSchema
  /** Reads the parts of a list, each as it is; `undefined` where one cannot be a part. */
  readonly readParts?: (parts: readonly string[]) => { readonly value: T } | undefined
  /** Reads text; `undefined` for what it cannot read. */
  readonly read: (text: string) => { readonly value: T } | undefined
  /**
   * Reads an object whose members are the value; text has it as JSON.
   * @param before what is merged with them, where they are not the whole: there `null` takes a member away
   */
  readonly readMembers?: (members: unknown, before?: T) => { readonly value: T } | undefined
  readonly show: (value: T) => Shown
  /** How apps that register themselves say it. @see RFC 7591 §2 */
  readonly metadata: metadata.MetadataKind<T>
}

export const text: Kind<string> = {
  noun: 'text',
  expects: 'a text',
  schema: { type: 'string' },
  read: (value) => ({ value }),
  show: (value) => value,
  metadata: metadata.text,
}

const optional = (noun: string, expects: string): Kind<string | undefined> => ({
  noun,
  expects: `${expects}, or nothing`,
  schema: { type: ['string', 'null'] },
  read: (value) => ({ value: value === '' ? undefined : value }),
  show: (value) => value ?? null,
  metadata: metadata.optionalText,
})

export const url = optional('URL', 'an https URL')

export const urlAtRedirectUri = optional('URL', 'an https URL at the origin of a redirect URI')

export const systemUser = optional('login or id', 'the login or id of a System User')

export const keySet: Kind<string | undefined> = {
  ...optional('JSON text', 'a JWK Set with public keys, as JSON text'),
  metadata: metadata.keySet,
}

/** @param what a language has, in the plural */
export const byLanguage = (what: string): Kind<NamesByLanguage> => ({
  noun: `${what} by language`,
  expects: `${what} by language, as JSON such as {"de":"Laden"}, or nothing`,
  schema: { type: ['string', 'null'] },
  read: (value) => (value === '' ? { value: {} } : held(parseNames(value))),
  readMembers: (members, before) => held(before === undefined ? readNames(members) : mergeNames(before, members)),
  show: (names) => (Object.keys(names).length === 0 ? null : JSON.stringify(names)),
  metadata: metadata.names,
})

const held = <T>(value: T | undefined): { readonly value: T } | undefined =>
  value === undefined ? undefined : { value }

export const flag: Kind<boolean> = {
  noun: 'flag',
  expects: 'true or false',
  schema: { type: 'boolean' },
  read: (value) => (/^(true|false)$/i.test(value) ? { value: value.toLowerCase() === 'true' } : undefined),
  show: (value) => value,
  metadata: metadata.flag,
}

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five', 'six']

export const oneOf = <T extends string>(values: readonly T[]): Kind<T> => ({
  noun: `one of ${NUMBERS[values.length] ?? values.length}`,
  expects: `one of ${values.join(', ')}`,
  schema: { type: 'string', enum: values },
  read: (given) => {
    const value = values.find((known) => known.toLowerCase() === given.toLowerCase())
    return value && { value }
  },
  show: (value) => value,
  metadata: metadata.oneOf(values),
})

/** @param otherwise completes "nothing for ..." */
export const optionalOneOf = <T extends string>(values: readonly T[], otherwise: string): Kind<T | undefined> => ({
  noun: oneOf(values).noun,
  expects: `${oneOf(values).expects}, or nothing for ${otherwise}`,
  schema: { type: ['string', 'null'], enum: [...values, null] },
  read: (given) => (given === '' ? { value: undefined } : oneOf(values).read(given)),
  show: (value) => value ?? null,
  metadata: metadata.optionalOneOf(values),
})

const once = (parts: readonly string[]): string[] => [
  ...new Set(parts.map((part) => part.trim()).filter((part) => part !== '')),
]

const split = (value: string, separator: string): string[] => once(value.split(separator === ' ' ? /\s+/ : separator))

/**
 * A list that is one text.
 * @param parts what stands in it
 * @param most how many an app that registers itself may name
 */
export const list = (parts: string, separator: ',' | ' ', most = 20): Kind<readonly string[]> => ({
  noun: separator === ' ' ? 'list, space' : `list, \`${separator}\``,
  expects: `${parts} separated by ${separator === ' ' ? 'spaces' : 'commas'}`,
  schema: { type: 'string' },
  separator,
  part: { type: 'string', pattern: separator === ' ' ? '^\\S*$' : '^[^,]*$' },
  read: (value) => ({ value: split(value, separator) }),
  readParts: (given) => (given.some((part) => part.trim().includes(separator)) ? undefined : { value: once(given) }),
  show: (values) => values.join(separator),
  metadata: metadata.texts(most),
})

/** A list of URIs that is one text: a comma is a character of a URI as well. */
export const uris = (parts: string): Kind<readonly string[]> => ({
  ...list(parts, ','),
  part: { type: 'string' },
  read: (value) => ({ value: once(splitUris(value)) }),
  readParts: (given) => ({ value: once(given) }),
})

function someOf<T extends string>(values: readonly T[], given: readonly string[]) {
  const known = given.flatMap((part) => values.find((value) => value === part) ?? [])
  return known.length === given.length ? { value: known } : undefined
}

/** A list of some of these values. */
export const listOf = <T extends string>(values: readonly T[]): Kind<readonly T[]> => ({
  noun: 'list, `,`',
  expects: `${values.join(', ')}, or several of them, separated by commas`,
  schema: { type: 'string', pattern: `^(${values.join('|')})( *, *(${values.join('|')}))*$` },
  separator: ',',
  part: { type: 'string', enum: values },
  read: (given) => someOf(values, split(given, ',')),
  readParts: (given) => someOf(values, once(given)),
  show: (shown) => shown.join(','),
  metadata: metadata.textsOf(values),
})

const readSeconds = (value: string): number | undefined => {
  if (/^\d{1,9}$/.test(value)) return Number(value)
  const duration = readDuration(value)
  return duration === undefined ? undefined : duration / SECOND
}

const WHOLE_SECONDS = { minimum: 0, maximum: 999_999_999 } as const

export const seconds: Kind<number> = {
  noun: 'seconds',
  expects: 'seconds, or a length of time such as 10s, 15m, 8h or 14d',
  schema: { type: 'integer', ...WHOLE_SECONDS, description: 'a whole number of seconds' },
  read: (given) => {
    const value = readSeconds(given)
    return value === undefined ? undefined : { value }
  },
  show: (value) => value,
  metadata: metadata.seconds,
}

export const optionalSeconds: Kind<number | undefined> = {
  noun: 'seconds',
  expects: `${seconds.expects}, or nothing for the default`,
  schema: {
    type: ['integer', 'null'],
    ...WHOLE_SECONDS,
    description: 'a whole number of seconds, or null for the default',
  },
  read: (given) => (given === '' ? { value: undefined } : seconds.read(given)),
  show: (value) => value ?? null,
  metadata: metadata.optionalSeconds,
}
