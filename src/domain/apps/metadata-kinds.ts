import { type NamesByLanguage, readNames } from './names-by-language.ts'

/** How the values of one kind of client metadata are read and shown. */
export interface MetadataKind<T> {
  /** @throws MetadataFault */
  readonly read: (value: unknown) => T
  /** `undefined` is left out. */
  readonly show: (value: T) => unknown
}

/** Completes the sentence "NAME ...". */
export class MetadataFault extends Error {}

const LONGEST = 2048

function readText(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new MetadataFault('expects a text that is not empty')
  if (value.length > LONGEST) throw new MetadataFault(`has more than ${LONGEST} characters`)
  return value
}

export const text: MetadataKind<string> = { read: readText, show: (value) => value }

export const optionalText: MetadataKind<string | undefined> = { read: readText, show: (value) => value }

/** A JWK Set; in the record it is JSON as text. @see RFC 7517 §5 */
export const keySet: MetadataKind<string | undefined> = {
  read: (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new MetadataFault('expects a JWK Set')
    return JSON.stringify(value)
  },
  show: (value) => (value === undefined ? undefined : (JSON.parse(value) as unknown)),
}

/** Names by language; there each is a member of its own. @see RFC 7591 §2.2 */
export const names: MetadataKind<NamesByLanguage> = {
  read: (value) => {
    const read = readNames(value)
    if (read === undefined) throw new MetadataFault('expects names by language')
    return read
  },
  show: (value) => value,
}

export const flag: MetadataKind<boolean> = {
  read: (value) => {
    if (typeof value !== 'boolean') throw new MetadataFault('expects true or false')
    return value
  },
  show: (value) => value,
}

function readSeconds(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw new MetadataFault('expects a whole number of seconds')
  return value
}

export const seconds: MetadataKind<number> = { read: readSeconds, show: (value) => value }

export const optionalSeconds: MetadataKind<number | undefined> = { read: readSeconds, show: (value) => value }

/** One of the values that this server knows. */
export const oneOf = <T extends string>(values: readonly T[]): MetadataKind<T> => ({
  read: (given) => {
    const value = values.find((known) => known === given)
    if (value === undefined) throw new MetadataFault(`expects one of ${values.join(', ')}`)
    return value
  },
  show: (value) => value,
})

/** The same where nothing need be said. */
export const optionalOneOf = <T extends string>(values: readonly T[]): MetadataKind<T | undefined> => ({
  read: oneOf(values).read,
  show: (value) => value,
})

/** @param most how many there may be */
export const texts = (most: number): MetadataKind<readonly string[]> => ({
  read: (value) => {
    if (!Array.isArray(value)) throw new MetadataFault('expects an array of texts')
    if (value.length > most) throw new MetadataFault(`has more than ${most} members`)
    return [...new Set(value.map(readText))]
  },
  show: (values) => (values.length === 0 ? undefined : values),
})

/** Some of the values that this server knows. */
export const textsOf = <T extends string>(values: readonly T[]): MetadataKind<readonly T[]> => ({
  read: (given) => texts(values.length).read(given).map(oneOf(values).read),
  show: (shown) => shown,
})
