import { SECOND } from '../../lib/time/clock.ts'
import { readDuration } from '../../lib/time/duration.ts'
import { SIGNING_ALGORITHMS } from '../protocol/signing-algorithm.ts'
import {
  ACCESS_TOKEN_FORMATS,
  ACCESS_TOKEN_POLICIES,
  ALL_RESPONSE_TYPES,
  ASSERTION_ALGORITHMS,
  ASSERTION_AUDIENCES,
  AUTH_METHODS,
  CLIENT_TYPES,
  REQUEST_OBJECT_ALGORITHMS,
  SUBJECT_TYPES,
} from './app-choices.ts'
import type { AppRegistration } from './trusted-application.ts'

/** A value as the record shows it, in JSON and to people. */
export type Shown = string | number | boolean | null

/** The JSON Schema of a value. */
export interface ValueSchema {
  readonly type: string | readonly string[]
  readonly enum?: readonly (string | null)[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  /** What JSON expects, where that is not what text expects. */
  readonly description?: string
}

/** How values of one kind are read from text and shown; `read` answers `undefined` for what it cannot read. */
interface Kind<T> {
  readonly expects: string
  readonly schema: ValueSchema
  readonly read: (text: string) => { readonly value: T } | undefined
  readonly show: (value: T) => Shown
}

/** A declarative attribute of the record under its documented name. */
export interface AppAttribute {
  readonly name: string
  /** Completes the sentence "NAME expects ...". */
  readonly expects: string
  readonly schema: ValueSchema
  /** The change a text asks for; `undefined` when the text cannot be read. */
  readonly read: (text: string) => Partial<AppRegistration> | undefined
  readonly show: (app: AppRegistration) => Shown
}

const text: Kind<string> = {
  expects: 'a text',
  schema: { type: 'string' },
  read: (value) => ({ value }),
  show: (value) => value,
}

const optional = (expects: string): Kind<string | undefined> => ({
  expects: `${expects}, or nothing`,
  schema: { type: ['string', 'null'] },
  read: (value) => ({ value: value === '' ? undefined : value }),
  show: (value) => value ?? null,
})

const flag: Kind<boolean> = {
  expects: 'true or false',
  schema: { type: 'boolean' },
  read: (value) => (/^(true|false)$/i.test(value) ? { value: value.toLowerCase() === 'true' } : undefined),
  show: (value) => value,
}

const oneOf = <T extends string>(values: readonly T[]): Kind<T> => ({
  expects: `one of ${values.join(', ')}`,
  schema: { type: 'string', enum: values },
  read: (given) => {
    const value = values.find((known) => known.toLowerCase() === given.toLowerCase())
    return value && { value }
  },
  show: (value) => value,
})

const optionalOneOf = <T extends string>(values: readonly T[], otherwise: string): Kind<T | undefined> => ({
  expects: `${oneOf(values).expects}, or nothing for ${otherwise}`,
  schema: { type: ['string', 'null'], enum: [...values, null] },
  read: (given) => (given === '' ? { value: undefined } : oneOf(values).read(given)),
  show: (value) => value ?? null,
})

const split = (value: string, separator: string): string[] => [
  ...new Set(
    value
      .split(separator === ' ' ? /\s+/ : separator)
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ),
]

const list = (expects: string, separator: ',' | ' '): Kind<readonly string[]> => ({
  expects,
  schema: { type: 'string' },
  read: (value) => ({ value: split(value, separator) }),
  show: (values) => values.join(separator),
})

const listOf = <T extends string>(values: readonly T[]): Kind<readonly T[]> => ({
  expects: `${values.join(', ')}, or several of them with commas between`,
  schema: { type: 'string', pattern: `^(${values.join('|')})( *, *(${values.join('|')}))*$` },
  read: (given) => {
    const parts = split(given, ',').map((part) => values.find((known) => known === part))
    return parts.includes(undefined) ? undefined : { value: parts.filter((part) => part !== undefined) }
  },
  show: (shown) => shown.join(','),
})

const readSeconds = (value: string): number | undefined => {
  if (/^\d{1,9}$/.test(value)) return Number(value)
  const duration = readDuration(value)
  return duration === undefined ? undefined : duration / SECOND
}

const WHOLE_SECONDS = { minimum: 0, maximum: 999_999_999 } as const

const seconds: Kind<number> = {
  expects: 'seconds, or a length of time such as 10s, 15m, 8h or 14d',
  schema: { type: 'integer', ...WHOLE_SECONDS, description: 'a whole number of seconds' },
  read: (given) => {
    const value = readSeconds(given)
    return value === undefined ? undefined : { value }
  },
  show: (value) => value,
}

const optionalSeconds: Kind<number | undefined> = {
  expects: `${seconds.expects}, or nothing for the default`,
  schema: {
    type: ['integer', 'null'],
    ...WHOLE_SECONDS,
    description: 'a whole number of seconds, or null for the default',
  },
  read: (given) => (given === '' ? { value: undefined } : seconds.read(given)),
  show: (value) => value ?? null,
}

const attribute = <K extends keyof AppRegistration>(
  name: string,
  key: K,
  kind: Kind<AppRegistration[K]>,
): AppAttribute => ({
  name,
  expects: kind.expects,
  schema: kind.schema,
  read: (given) => {
    const read = kind.read(given.trim())
    return read && { [key]: read.value }
  },
  show: (app) => kind.show(app[key]),
})

/** The declarative attributes, in the order records show them; ApplicationUri and SelfRegistered can never change. */
export const APP_ATTRIBUTES: readonly AppAttribute[] = [
  attribute('Name', 'name', text),
  attribute('ClientType', 'clientType', oneOf(CLIENT_TYPES)),
  attribute('ImpersonateLoginUrl', 'impersonateLoginUrl', list('redirect URIs with commas between', ',')),
  attribute('ImpersonateLogoutUrl', 'impersonateLogoutUrl', list('post-logout redirect URIs with commas between', ',')),
  attribute('ImpersonateAsInternalUserAllowed', 'impersonateAsInternalUserAllowed', flag),
  attribute('ImpersonateAsCommunityUserAllowed', 'impersonateAsCommunityUserAllowed', flag),
  attribute('SystemUserAllowed', 'systemUserAllowed', flag),
  attribute('SystemUser', 'systemUser', optional('the login or id of a System User')),
  attribute('Scope', 'scope', list('API scopes with spaces between', ' ')),
  attribute('ApiResources', 'apiResources', list('identifiers of API resources with spaces between', ' ')),
  attribute('AdministrationAllowed', 'administrationAllowed', flag),
  attribute('AccessTokens', 'accessTokens', oneOf(ACCESS_TOKEN_POLICIES)),
  attribute('AccessTokenFormat', 'accessTokenFormat', oneOf(ACCESS_TOKEN_FORMATS)),
  attribute('BasicAuthenticationAllowed', 'basicAuthenticationAllowed', flag),
  attribute('RequirePkce', 'requirePkce', flag),
  attribute('RequireConsent', 'requireConsent', flag),
  attribute('RefreshReplayWindow', 'refreshReplayWindow', seconds),
  attribute('AccessTokenLifetime', 'accessTokenLifetime', optionalSeconds),
  attribute('RefreshTokenLifetime', 'refreshTokenLifetime', optionalSeconds),
  attribute('ResponseTypes', 'responseTypes', listOf(ALL_RESPONSE_TYPES)),
  attribute('SigningAlgorithm', 'signingAlgorithm', optionalOneOf(SIGNING_ALGORITHMS, "the instance's own")),
  attribute('UserinfoSignedResponseAlg', 'userinfoSignedResponseAlg', optionalOneOf(SIGNING_ALGORITHMS, 'plain JSON')),
  attribute('LogoUri', 'logoUri', optional('an https URL')),
  attribute('PolicyUri', 'policyUri', optional('an https URL')),
  attribute('TosUri', 'tosUri', optional('an https URL')),
  attribute('SubjectType', 'subjectType', oneOf(SUBJECT_TYPES)),
  attribute('SectorIdentifierUri', 'sectorIdentifierUri', optional('an https URL')),
  attribute('DefaultMaxAge', 'defaultMaxAge', optionalSeconds),
  attribute('RequireAuthTime', 'requireAuthTime', flag),
  attribute('DefaultAcrValues', 'defaultAcrValues', list('acr values with spaces between', ' ')),
  attribute('ClientUri', 'clientUri', optional('an https URL')),
  attribute('Contacts', 'contacts', list('e-mail addresses with commas between', ',')),
  attribute('InitiateLoginUri', 'initiateLoginUri', optional('an https URL')),
  attribute('BackchannelLogoutUri', 'backchannelLogoutUri', optional('an https URL')),
  attribute('BackchannelLogoutSessionRequired', 'backchannelLogoutSessionRequired', flag),
  attribute('FrontchannelLogoutUri', 'frontchannelLogoutUri', optional('an https URL at the origin of a redirect URI')),
  attribute('FrontchannelLogoutSessionRequired', 'frontchannelLogoutSessionRequired', flag),
  attribute('Jwks', 'jwks', optional('a JWK Set with public keys, as JSON text')),
  attribute('JwksUri', 'jwksUri', optional('an https URL')),
  attribute('TokenEndpointAuthMethod', 'tokenEndpointAuthMethod', oneOf(AUTH_METHODS)),
  attribute(
    'TokenEndpointAuthSigningAlg',
    'tokenEndpointAuthSigningAlg',
    optionalOneOf(ASSERTION_ALGORITHMS, 'any that fits the method'),
  ),
  attribute('ClientAssertionAudience', 'clientAssertionAudience', oneOf(ASSERTION_AUDIENCES)),
  attribute('RequestObjectSigningAlg', 'requestObjectSigningAlg', optionalOneOf(REQUEST_OBJECT_ALGORITHMS, 'any')),
  attribute('RequireSignedRequestObject', 'requireSignedRequestObject', flag),
  attribute('RequestUris', 'requestUris', list('https URLs with commas between', ',')),
]

/** Finds an attribute by its name, whose case does not count. */
export const findAttribute = (name: string): AppAttribute | undefined =>
  APP_ATTRIBUTES.find((known) => known.name.toLowerCase() === name.toLowerCase())

/** The record under its documented attribute names; the SystemUser is its id. */
export const showRegistration = (app: AppRegistration): Record<string, Shown> =>
  Object.fromEntries([
    ['ApplicationUri', app.applicationUri],
    ...APP_ATTRIBUTES.map(({ name, show }) => [name, show(app)]),
    ['SelfRegistered', app.selfRegistered],
  ])
