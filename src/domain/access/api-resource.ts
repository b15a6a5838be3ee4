import { ADMINISTRATION_SCOPE, isProtocolScope, isScopeToken } from '../protocol/scope.ts'
import { whyBadName } from '../records/readable-name.ts'
import type { Fault } from '../refusals/errors.ts'
import { type ResourceSite, showSite, siteFaults } from './resource-site.ts'

/** Under which name the database keeps the identifier of the instance's own API, which every app may use. */
export const DEFAULT_RESOURCE = 'default-resource'

/** A scope of an API, and what it lets an app do. */
export interface ApiScope {
  readonly name: string
  /** For the consent page, where the message catalogue has no text for it. */
  readonly description: string | undefined
}

/** An API that access tokens are for: its identifier is their `aud`. @see RFC 8707 §2 */
export interface ApiResource {
  readonly identifier: string
  readonly name: string
  readonly scopes: readonly ApiScope[]
  /** ApplicationUris of the apps through which the API asks about the tokens it is sent. */
  readonly resourceServers: readonly string[]
  /** Whether apps that register themselves may have those of its scopes that the operator gives away. */
  readonly openToSelfRegistered: boolean
  /** Where it is, as auto-discovery tells everybody; nothing where the operator has not said so. */
  readonly site?: ResourceSite | undefined
}

/** What an API is that says nothing else. */
export const RESOURCE_DEFAULTS = {
  resourceServers: [],
  openToSelfRegistered: false,
} as const satisfies Partial<ApiResource>

/** The record under the names that files and the administration API use. */
export const showResource = ({
  identifier,
  name,
  scopes,
  resourceServers,
  openToSelfRegistered,
  site,
}: ApiResource) => ({
  Identifier: identifier,
  Name: name,
  Scopes: scopes.map((scope) => ({ Name: scope.name, Description: scope.description ?? null })),
  ResourceServers: [...resourceServers].sort(),
  OpenToSelfRegistered: openToSelfRegistered,
  ...showSite(site),
})

/** Everything that makes an API resource unable to work. */
export function resourceFaults({ identifier, name, scopes, resourceServers, site }: ApiResource): Fault[] {
  const fault = (attribute: string, reason: string | false | undefined): Fault[] =>
    reason ? [{ attribute, reason }] : []
  const badName = whyBadName(name)
  const names = scopes.map((scope) => scope.name)
  return [
    ...fault(
      'Identifier',
      !/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(identifier) &&
        'must be 1 to 256 visible ASCII characters without spaces',
    ),
    ...fault('Identifier', identifier.includes('#') && 'must not have a fragment (RFC 8707)'),
    ...fault('Name', badName),
    ...fault('Scopes', names.length === 0 && 'must name at least one scope'),
    ...names.flatMap((scope, index) => [
      ...fault('Scopes', !isScopeToken(scope) && `${JSON.stringify(scope)} is not a scope name`),
      ...fault('Scopes', isProtocolScope(scope) && `${scope} is a protocol scope`),
      // Else a token for that API would open the administration as well.
      ...fault('Scopes', scope === ADMINISTRATION_SCOPE && `${scope} belongs to the administration API`),
      ...fault('Scopes', names.indexOf(scope) !== index && `${scope} is named twice`),
    ]),
    ...resourceServers.flatMap((uri, index) =>
      fault('ResourceServers', resourceServers.indexOf(uri) !== index && `${uri} is named twice`),
    ),
    ...siteFaults(site),
  ]
}

/** Every scope of these APIs, each once. */
export const scopesOf = (resources: readonly Pick<ApiResource, 'scopes'>[]): string[] => [
  ...new Set(resources.flatMap(({ scopes }) => scopes.map(({ name }) => name))),
]

/** What the first of these APIs that describes a scope says about it. */
export const descriptionOf = (scope: string, resources: readonly ApiResource[]): string | undefined =>
  resources.flatMap(({ scopes }) => scopes).find(({ name, description }) => name === scope && description !== undefined)
    ?.description

/**
 * May an app learn about a token? Only if the token was issued to it, or is for an API that it serves.
 * @param resources every API resource
 * @see RFC 7662 §4
 */
export function mayAskAbout(
  caller: { readonly applicationUri: string },
  token: {
    readonly app: { readonly applicationUri: string }
    readonly claims: { readonly aud?: string | readonly string[] | undefined }
  },
  resources: readonly ApiResource[],
): boolean {
  const { applicationUri } = caller
  const audience = [token.claims.aud ?? []].flat()
  return (
    token.app.applicationUri === applicationUri ||
    resources.some(
      ({ identifier, resourceServers }) => audience.includes(identifier) && resourceServers.includes(applicationUri),
    )
  )
}
