import type { AuthMethod, ClientType, ResponseType } from '../../domain/apps/app-choices.ts'
import { MetadataFault, oneOf, text, texts } from '../../domain/apps/metadata-kinds.ts'
import { languageTag, type NamesByLanguage, withNames } from '../../domain/apps/names-by-language.ts'
import type { KeptMetadata } from '../../domain/apps/self-registration.ts'
import type { AppRegistration } from '../../domain/apps/trusted-application.ts'
import { apiScopesOf, isScopeToken, isSeparatedByCommas } from '../../domain/protocol/scope.ts'
import { readCompactJws } from '../../lib/crypto/compact-jws.ts'
import { isSaid, MEMBERS, type MetadataComplaint, readMember } from './client-metadata.ts'
import { likelyType, wrongFor } from './redirect-uris.ts'

/** How an app that registered itself may prove itself, and what that makes of it. */
export const AUTH_METHODS = {
  client_secret_basic: { clientType: 'Confidential', tokenEndpointAuthMethod: 'client_secret_basic' },
  client_secret_post: { clientType: 'Confidential', tokenEndpointAuthMethod: 'client_secret_post' },
  client_secret_jwt: { clientType: 'Confidential', tokenEndpointAuthMethod: 'client_secret_jwt' },
  private_key_jwt: { clientType: 'Confidential', tokenEndpointAuthMethod: 'private_key_jwt' },
  none: { clientType: 'Public', tokenEndpointAuthMethod: 'client_secret' },
} as const satisfies Readonly<Record<string, { clientType: ClientType; tokenEndpointAuthMethod: AuthMethod }>>

const AUTH_METHOD_NAMES = Object.keys(AUTH_METHODS) as (keyof typeof AUTH_METHODS)[]

/** What this server offers to apps that register themselves. */
export interface Offer {
  readonly responseTypes: readonly ResponseType[]
  /** The grants by which an app acts for a person; one that registered itself never acts on its own. */
  readonly grantTypes: readonly string[]
}

/** API scopes that one app may have. */
export interface ScopesOnOffer {
  readonly allowed: readonly string[]
  /** Where the app names none. */
  readonly byDefault: readonly string[]
}

/** Client metadata as far as it can be read, and everything that is wrong with it. */
export interface ReadMetadata {
  readonly changes: Partial<AppRegistration> & Pick<AppRegistration, 'clientType' | 'impersonateLoginUrl' | 'scope'>
  readonly kept: KeptMetadata
  readonly complaints: readonly MetadataComplaint[]
}

// More than anybody registers in earnest.
const MOST_TYPES = 20
const LONGEST_STATEMENT = 8192

/**
 * Reads client metadata; what is not known here is ignored, and of lists what is not offered is left out.
 * @see RFC 7591 §2, §3.2.1, OIDC Registration §2
 */
export function readMetadata(
  body: Readonly<Record<string, unknown>>,
  { responseTypes: offered, grantTypes: grants }: Offer,
  scopes: ScopesOnOffer,
): ReadMetadata {
  const complaints: MetadataComplaint[] = []
  const read = <T>(name: string, from: (value: unknown) => T, fallback: T): T =>
    readMember(body, name, from, fallback, complaints)
  const own = Object.assign(
    {},
    ...MEMBERS.map((known) => read(known.name, known.read, known.defaults)),
  ) as Partial<AppRegistration>
  const redirectUris = own.impersonateLoginUrl ?? []
  const method = read('token_endpoint_auth_method', oneOf(AUTH_METHOD_NAMES).read, 'client_secret_basic')
  const responseTypes = read('response_types', (value) => readResponseTypes(value, offered), ['code'] as const)
  const grantTypes = read('grant_types', (value) => readGrantTypes(value, [...grants, 'implicit']), [])
  const applicationType = read('application_type', oneOf(['web', 'native'] as const).read, likelyType(redirectUris))
  const granted = grantsFor(responseTypes)
  if (!complaints.some(({ name }) => name === 'redirect_uris'))
    complaints.push(...wrongFor(applicationType, redirectUris, granted.includes('implicit')))
  read('software_statement', readStatement, undefined)
  return {
    changes: {
      ...own,
      impersonateLoginUrl: redirectUris,
      ...AUTH_METHODS[method],
      // Who names no way may send the secret either way.
      ...(isSaid(body, 'token_endpoint_auth_method') ? {} : { tokenEndpointAuthMethod: 'client_secret' as const }),
      responseTypes,
      localizedNames: namesIn(body, complaints),
      scope: read('scope', (value) => readApiScopes(value, scopes.allowed), scopes.byDefault),
    },
    kept: {
      application_type: applicationType,
      grant_types: [...granted, ...grantTypes.filter((type) => !OF_RESPONSE_TYPES.includes(type))],
      token_endpoint_auth_method: method,
    },
    complaints,
  }
}

/** Names in languages; a member whose tag is none, or comes in two spellings, is not understood and ignored. @see RFC 7591 §2.2 */
function namesIn(body: Readonly<Record<string, unknown>>, complaints: MetadataComplaint[]): NamesByLanguage {
  const named = Object.keys(body).flatMap((member) => {
    const [, language] = /^client_name#(.+)$/.exec(member) ?? []
    const tag = language === undefined ? undefined : languageTag(language)
    const name = tag === undefined ? '' : readMember(body, member, text.read, '', complaints)
    return tag === undefined ? [] : [[tag, name] as const]
  })
  return withNames({}, Object.fromEntries(named))
}

/** The order of the words in a response type does not count. @see OAuth 2.0 Multiple Response Types §1 */
function readResponseTypes(value: unknown, offered: readonly ResponseType[]): readonly ResponseType[] {
  const sorted = (type: string): string => type.split(' ').sort().join(' ')
  const given = texts(MOST_TYPES).read(value).map(sorted)
  const known = given.flatMap((type) => offered.find((each) => sorted(each) === type) ?? [])
  if (given.length === 0) return ['code']
  if (known.length === 0) throw new MetadataFault(`none of these is offered; expects some of: ${offered.join(', ')}`)
  return [...new Set(known)]
}

function readGrantTypes(value: unknown, offered: readonly string[]): readonly string[] {
  const given = texts(MOST_TYPES).read(value)
  const known = given.filter((type) => offered.includes(type))
  if (given.length > 0 && known.length === 0)
    throw new MetadataFault(
      `none of these is offered to apps that register themselves; expects some of ${offered.join(', ')}`,
    )
  return known
}

// An app has them if one of its response types needs them, and never else.
const OF_RESPONSE_TYPES: readonly string[] = ['authorization_code', 'implicit']

/** @see RFC 7591 §2.1 */
const grantsFor = (types: readonly ResponseType[]): string[] => [
  ...(types.some((type) => type.includes('code')) ? ['authorization_code'] : []),
  ...(types.some((type) => type.includes('token')) ? ['implicit'] : []),
]

/** Protocol scopes need no leave. */
function readApiScopes(value: unknown, allowed: readonly string[]): string[] {
  const scopes = [...new Set(text.read(value).split(' '))].filter((scope) => scope !== '')
  if (!scopes.every((scope) => isScopeToken(scope) && (allowed.includes(scope) || !isSeparatedByCommas(scope))))
    throw new MetadataFault('expects scope names separated by spaces')
  return apiScopesOf(scopes).filter((scope) => allowed.includes(scope))
}

/** Nobody vouches for apps here, so that what a statement says counts for nothing; but it must be one. @see RFC 7591 §2.3, §3.2.2 */
function readStatement(value: unknown): undefined {
  if (typeof value !== 'string' || !readCompactJws(value, LONGEST_STATEMENT))
    throw new MetadataFault('expects a signed JWT in compact form')
}
