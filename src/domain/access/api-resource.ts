import { type NamesByLanguage, showTexts } from '../apps/names-by-language.ts'
import { namesByLanguage } from '../apps/value-rules.ts'
import { LONGEST_NAME } from '../records/longest-name.ts'
import { whyBadName } from '../records/readable-name.ts'
import type { Fault } from '../refusals/errors.ts'
import { type ApiScope, scopeFaults, showScope } from './api-scope.ts'
import { type ResourceSite, showSite, siteFaults } from './resource-site.ts'

/** Under which name the database keeps the identifier of the instance's own API, which every app may use. */
export const DEFAULT_RESOURCE = 'default-resource'

/** An API that access tokens are for: its identifier is their `aud`. @see RFC 8707 §2 */
export interface ApiResource {
  readonly identifier: string
  readonly name: string
  readonly localizedNames: NamesByLanguage
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
  localizedNames: {},
  resourceServers: [],
  openToSelfRegistered: false,
} as const satisfies Partial<ApiResource>

/** The record under the names that files and the administration API use. */
export const showResource = ({
  identifier,
  name,
  localizedNames,
  scopes,
  resourceServers,
  openToSelfRegistered,
  site,
}: ApiResource) => ({
  Identifier: identifier,
  Name: name,
  ...showTexts('LocalizedNames', localizedNames),
  Scopes: scopes.map(showScope),
  ResourceServers: [...resourceServers].sort(),
  OpenToSelfRegistered: openToSelfRegistered,
  ...showSite(site),
})

/** Everything that makes an API resource unable to work. */
export function resourceFaults(resource: ApiResource): Fault[] {
  const { identifier, name, localizedNames, scopes, resourceServers, site } = resource
  const fault = (attribute: string, reason: string | false | undefined): Fault[] =>
    reason ? [{ attribute, reason }] : []
  const badName = whyBadName(name)
  return [
    ...fault(
      'Identifier',
      (identifier.length > LONGEST_NAME || !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(identifier)) &&
        `must be 1 to ${LONGEST_NAME} visible ASCII characters without spaces`,
    ),
    ...fault('Identifier', identifier.includes('#') && 'must not have a fragment (RFC 8707)'),
    ...fault('Name', badName),
    ...namesByLanguage(localizedNames).map((reason) => ({ attribute: 'LocalizedNames', reason })),
    ...scopeFaults(scopes),
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
