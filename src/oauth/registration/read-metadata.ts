import type { AuthMethod, ClientType, ResponseType } from '../../domain/apps/app-choices.ts'
import { MetadataFault, oneOf, text, texts } from '../../domain/apps/metadata-kinds.ts'
import type { KeptMetadata } from '../../domain/apps/self-registration.ts'
import type { AppRegistration } from '../../domain/apps/trusted-application.ts'
import { isLoopbackHost } from '../../domain/protocol/redirect-uri.ts'
import { apiScopesOf, isProtocolScope } from '../../domain/protocol/scope.ts'
import { MEMBERS, type MetadataComplaint, readMember } from './client-metadata.ts'

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
  /** API scopes that the operator gives away. */
  readonly scopes: readonly string[]
}

/** Client metadata as far as it can be read, and everything that is wrong with it. */
export interface ReadMetadata {
  readonly changes: Partial<AppRegistration> & Pick<AppRegistration, 'clientType' | 'impersonateLoginUrl'>
  readonly kept: KeptMetadata
  readonly complaints: readonly MetadataComplaint[]
}

/**
 * Reads client metadata; what is not known here is ignored.
 * @param scope of the record as it is, which goes on where nothing is said
 * @see RFC 7591 §2, OIDC Registration §2
 */
export function readMetadata(
  body: Readonly<Record<string, unknown>>,
  { responseTypes: offered, grantTypes: grants, scopes }: Offer,
  scope: readonly string[] = [],
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
  complaints.push(...wrongFor(applicationType, redirectUris))
  return {
    changes: {
      ...own,
      impersonateLoginUrl: redirectUris,
      ...AUTH_METHODS[method],
      // Who names no way may send the secret either way.
      ...(isNamed(body, 'token_endpoint_auth_method') ? {} : { tokenEndpointAuthMethod: 'client_secret' as const }),
      responseTypes,
      scope: read('scope', (value) => readApiScopes(value, [...scopes, ...scope]), scope),
    },
    kept: {
      application_type: applicationType,
      grant_types: [...new Set([...grantsFor(responseTypes), ...grantTypes])],
      token_endpoint_auth_method: method,
    },
    complaints,
  }
}

const isNamed = (body: Readonly<Record<string, unknown>>, name: string): boolean =>
  Object.hasOwn(body, name) && body[name] !== null

/** The order of the words in a response type does not count. @see OAuth 2.0 Multiple Response Types §1 */
function readResponseTypes(value: unknown, offered: readonly ResponseType[]): ResponseType[] {
  const sorted = (type: string): string => type.split(' ').sort().join(' ')
  const types = texts(offered.length).read(value)
  if (types.length === 0) throw new MetadataFault('must name at least one')
  return types.map((given) => {
    const known = offered.find((type) => sorted(type) === sorted(given))
    if (known === undefined) throw new MetadataFault(`expects some of: ${offered.join(', ')}`)
    return known
  })
}

function readGrantTypes(value: unknown, offered: readonly string[]): readonly string[] {
  const types = texts(10).read(value)
  if (!types.every((type) => offered.includes(type))) throw new MetadataFault(`expects some of ${offered.join(', ')}`)
  return types
}

/** @see RFC 7591 §2.1 */
const grantsFor = (types: readonly ResponseType[]): string[] => [
  ...(types.some((type) => type.includes('code')) ? ['authorization_code'] : []),
  ...(types.some((type) => type.includes('token')) ? ['implicit'] : []),
]

/** Protocol scopes need no leave. */
function readApiScopes(value: unknown, allowed: readonly string[]): string[] {
  const scopes = [...new Set(text.read(value).split(' '))].filter((scope) => scope !== '')
  const refused = apiScopesOf(scopes).find((scope) => !allowed.includes(scope))
  if (refused !== undefined) throw new MetadataFault(`${refused} is not available to apps that register themselves`)
  return scopes.filter((scope) => !isProtocolScope(scope))
}

const isNativeUri = (uri: string): boolean => {
  if (!URL.canParse(uri)) return false
  const { protocol, hostname } = new URL(uri)
  return protocol === 'http:' ? isLoopbackHost(hostname) : protocol !== 'https:'
}

/** Whoever does not say it registers a native app by its redirect URIs. @see RFC 8252 §7 */
const likelyType = (uris: readonly string[]): 'web' | 'native' =>
  uris.length > 0 && uris.every(isNativeUri) ? 'native' : 'web'

/** @see OIDC Registration §2 */
function wrongFor(type: 'web' | 'native', uris: readonly string[]): MetadataComplaint[] {
  if (uris.length === 0) return [{ name: 'redirect_uris', reason: 'is required: people are sent back there' }]
  if (type === 'native') return []
  return uris
    .filter(isNativeUri)
    .map((uri) => ({ name: 'redirect_uris', reason: `${uri} is for application_type native; web needs https` }))
}
