import type { Kind, Shown } from './attribute-kinds.ts'
import type { Row } from './attribute-row.ts'
import { APP_TABLE } from './attribute-table.ts'
import type { AppRegistration } from './trusted-application.ts'

/** An attribute of the record under its documented name. */
export interface AppAttribute
  extends Omit<Row<unknown>, 'kind' | 'fallback' | 'rule'>,
    Pick<Kind<unknown>, 'noun' | 'expects' | 'schema' | 'separator' | 'part'> {
  readonly name: string
  /** The member of the record that it is. */
  readonly key: keyof AppRegistration
  /** The change a text asks for; `undefined` when the text cannot be read. */
  readonly read: (text: string) => Partial<AppRegistration> | undefined
  /** The same of a list whose parts come one by one; `undefined`, too, where the attribute is no list. */
  readonly readParts: (parts: readonly string[]) => Partial<AppRegistration> | undefined
  /** The same of a value that is an object, merged with that of a record where one is given; `undefined`, too, where it is none. */
  readonly readMembers: (members: unknown, before?: AppRegistration) => Partial<AppRegistration> | undefined
  /** Whether its value may come as an object. */
  readonly hasMembers: boolean
  readonly show: (app: AppRegistration) => Shown
  /** What is wrong with its value in a record; each reason completes "NAME ...". */
  readonly faultsIn: (app: AppRegistration) => readonly string[]
  /** The change that a value of client metadata asks for. @throws MetadataFault */
  readonly readMetadata: (value: unknown) => Partial<AppRegistration>
  /** What client metadata says of it; `undefined` is left out. */
  readonly showMetadata: (app: AppRegistration) => unknown
}

const attribute = <K extends keyof AppRegistration>(key: K, row: Row<AppRegistration[K]>): AppAttribute => {
  const { kind, fallback, rule, ...about } = row
  const { noun, expects, schema, separator, part, metadata } = kind
  const changeOf = (read: { readonly value: AppRegistration[K] } | undefined) => read && { [key]: read.value }
  return {
    ...about,
    ...{ noun, expects, schema, ...(separator && { separator }), ...(part && { part }) },
    name: `${key.charAt(0).toUpperCase()}${key.slice(1)}`,
    key,
    read: (given) => changeOf(kind.read(given.trim())),
    readMembers: (members, before) => changeOf(kind.readMembers?.(members, before?.[key])),
    hasMembers: kind.readMembers !== undefined,
    readParts: (parts) => changeOf(kind.readParts?.(parts)),
    show: (app) => kind.show(app[key]),
    faultsIn: ({ [key]: value }) => (value === undefined || value === null ? [] : (rule?.(value) ?? [])),
    readMetadata: (value) => ({ [key]: metadata.read(value) }),
    showMetadata: (app) => metadata.show(app[key]),
  }
}

/** Every attribute, in the order in which records show them. */
export const RECORD_ATTRIBUTES: readonly AppAttribute[] = Object.keys(APP_TABLE).map((key) => {
  const member = key as keyof AppRegistration
  return attribute(member, APP_TABLE[member] as Row<AppRegistration[typeof member]>)
})

/** The declarative attributes; ApplicationUri and SelfRegistered can never change. */
export const APP_ATTRIBUTES: readonly AppAttribute[] = RECORD_ATTRIBUTES.filter(({ fixed }) => !fixed)

/** Finds an attribute by its name, whose case does not count. */
export const findAttribute = (name: string): AppAttribute | undefined =>
  APP_ATTRIBUTES.find((known) => known.name.toLowerCase() === name.toLowerCase())

/** The record under its documented attribute names; the SystemUser is its id. */
export const showRegistration = (app: AppRegistration): Record<string, Shown> =>
  Object.fromEntries(RECORD_ATTRIBUTES.map(({ name, show }) => [name, show(app)]))
