import { APP_ATTRIBUTES, type AppAttribute } from '../../domain/apps/app-attributes.ts'
import { CLIENT_TYPES, type ClientType } from '../../domain/apps/app-choices.ts'
import { faultsOf } from '../../domain/apps/registration-rules.ts'
import { APP_DEFAULTS, type AppRegistration } from '../../domain/apps/trusted-application.ts'
import type { SealForRows } from '../../lib/crypto/master-keys.ts'
import { APP_FIELD_NAMES, appField } from '../schema/app-fields.ts'
import type { ConfigurationFault } from '../schema/fault.ts'
import { type Complain, complaintsOf, type Form, isList, refuseUnknown, textOf } from '../schema/fields.ts'
import type { FileRecord, Suggest } from '../schema/records.ts'
import { isRecord } from '../schema/source.ts'
import { readSecrets, type WantedSecret } from './read-secrets.ts'
import type { Variables } from './variables.ts'

/** An app as a file wants it; what is `undefined` stays as it is. */
export interface WantedApp {
  readonly record: FileRecord
  /** Its `systemUser` is a login. */
  readonly registration: AppRegistration
  /** Of it, what the file says in so many words. */
  readonly asked: Partial<AppRegistration>
  readonly isEnabled: boolean | undefined
  readonly selfRegistered: boolean | undefined
  readonly secrets: readonly WantedSecret[] | undefined
}

/** What reading needs beside the files. */
export interface Reading {
  readonly variables: Variables
  readonly suggest: Suggest
  /** Milliseconds since 1970. */
  readonly now: number
  /** Seals a secret under its id. */
  readonly seal: SealForRows
}

/** A record as far as it can be read, and everything that is wrong with it. */
export interface Read<T> {
  readonly wanted: T | undefined
  readonly faults: readonly ConfigurationFault[]
}

/** Reads an app; an attribute that is left out has its default. */
export function readApp(record: FileRecord, { variables, suggest, now, seal }: Reading): Read<WantedApp> {
  const { complain, faults } = complaintsOf(record)
  const { fields, id } = record
  refuseUnknown(fields, APP_FIELD_NAMES, suggest, complain)
  const asked = readAttributes(fields, complain)
  const { clientType, ...attributes } = asked
  const isEnabled = readFlag(fields['IsEnabled'], 'IsEnabled', complain)
  const selfRegistered = readFlag(fields['SelfRegistered'], 'SelfRegistered', complain)
  const secrets = readSecrets(fields, { variables, suggest, complain, now, seal })
  if (fields['ClientType'] === undefined) complain('ClientType', `is required: one of ${CLIENT_TYPES.join(', ')}`)
  if (clientType !== undefined && clientType !== 'Confidential' && (secrets ?? []).length > 0) {
    const attribute = fields['ApplicationSecret'] === undefined ? 'ApplicationSecretHash' : 'ApplicationSecret'
    complain(attribute, `only a Confidential app has a secret, and this one is ${clientType}`)
  }
  const given = { ...APP_DEFAULTS, applicationUri: id, name: id, ...attributes }
  const registration = { ...given, clientType: clientType ?? likelyType(given) }
  return { wanted: { record, registration, asked, isEnabled, selfRegistered, secrets }, faults }
}

/** The ClientType that finds least fault with the rest, so that only what is wrong in any case is told beside a missing one. */
function likelyType(given: Omit<AppRegistration, 'clientType'>): ClientType {
  const faults = (clientType: ClientType): number => faultsOf({ ...given, clientType }).length
  return faults('Public') < faults('Confidential') ? 'Public' : 'Confidential'
}

function readAttributes(fields: Readonly<Record<string, unknown>>, complain: Complain): Partial<AppRegistration> {
  let registration: Partial<AppRegistration> = {}
  for (const attribute of APP_ATTRIBUTES) {
    const value = fields[attribute.name]
    if (value === undefined) continue
    const { form } = appField(attribute)
    const change = changeOf(attribute, value, form)
    if (change) registration = { ...registration, ...change }
    else complain(attribute.name, `expects ${attribute.expects}${isList(form) ? ', or a list of them' : ''}`)
  }
  return registration
}

function changeOf(
  { read, readParts, readMembers }: AppAttribute,
  value: unknown,
  form: Form,
): Partial<AppRegistration> | undefined {
  if (isList(form) && Array.isArray(value))
    return value.every((part): part is string => typeof part === 'string') ? readParts(value) : undefined
  if (form === 'members' && isRecord(value)) return readMembers(value)
  const text = textOf(value, form)
  return text === undefined ? undefined : read(text)
}

/** Reads a flag that may be left out. */
export function readFlag(value: unknown, attribute: string, complain: Complain): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  complain(attribute, 'expects true or false')
  return undefined
}
