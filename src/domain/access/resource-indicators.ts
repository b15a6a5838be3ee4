import type { AppRegistration } from '../apps/trusted-application.ts'
import type { Form } from '../protocol/form.ts'
import { ADMINISTRATION_SCOPE, apiScopesOf, isProtocolScope, PROTOCOL_SCOPES } from '../protocol/scope.ts'
import { Refused } from '../refusals/errors.ts'
import type { RefusalRule } from '../refusals/refusal-rule.ts'
import { type ApiResource, scopesOf } from './api-resource.ts'
import { isSameIdentifier, registeredIdentifier } from './resource-identifier.ts'

/** The APIs that access tokens can be for. */
export interface ApiCatalogue {
  /** Identifier of the API of the instance itself, which every app may use. */
  readonly defaultResource: string
  readonly resources: readonly ApiResource[]
}

/** Reads the catalogue as it is now. */
export type ReadCatalogue = () => Promise<ApiCatalogue>

/** What a person, or a record, grants: scopes, and the resources that were named for them; none is the default. */
export interface GrantedAccess {
  readonly scope: readonly string[]
  readonly resources: readonly string[]
}

/** What one access token is for. */
export interface Target {
  readonly scope: readonly string[]
  /** Identifiers of API resources; empty is UserInfo alone. */
  readonly audience: readonly string[]
}

type App = Pick<AppRegistration, 'apiResources'>

/** The resources an app may name: the instance's own, and those its record lists. */
const allowedResources = (app: App, { defaultResource, resources }: ApiCatalogue): string[] => {
  const known = resources.map(({ identifier }) => identifier)
  return [...new Set([defaultResource, ...app.apiResources.filter((identifier) => known.includes(identifier))])]
}

/** Whether an API that an app may ask for is served by another app, which then learns of the app's API sessions. */
export function servesApiOf(server: { readonly applicationUri: string }, app: App, catalogue: ApiCatalogue): boolean {
  const allowed = allowedResources(app, catalogue)
  return catalogue.resources.some(
    ({ identifier, resourceServers }) =>
      allowed.includes(identifier) && resourceServers.includes(server.applicationUri),
  )
}

/** Every scope that means something here, whether or not an app may have it. */
export const knownScopes = ({ resources }: ApiCatalogue): string[] => [
  ...PROTOCOL_SCOPES,
  ADMINISTRATION_SCOPE,
  ...scopesOf(resources),
]

/** The API scopes of the record, as far as the resources named have them: what a request is for that names no scope. */
export function defaultScope(
  form: Form,
  app: Pick<AppRegistration, 'apiResources' | 'scope'>,
  catalogue: ApiCatalogue,
): readonly string[] {
  const allowed = allowedResources(app, catalogue)
  const resources = form.all('resource').flatMap((sent) => registeredIdentifier(sent, allowed) ?? [])
  return targetOf({ scope: app.scope, resources }, [], app, catalogue).scope
}

/**
 * Reads the resources a request names, in the spelling in which they are registered; each must be one the app may name.
 * @throws Refused `invalid_target`
 * @see RFC 8707 §2
 */
export function readResources(form: Form, app: App, catalogue: ApiCatalogue): string[] {
  const allowed = allowedResources(app, catalogue)
  const { resources } = catalogue
  const refuse = (rule: RefusalRule, description: string, sent: string, cause = description): Refused =>
    new Refused('invalid_target', description, { rule, cause, sent, expected: allowed })
  const asked = form.all('resource').map((sent) => {
    if (sent.includes('#')) throw refuse('resource-malformed', 'resource must not have a fragment', sent)
    const registered = registeredIdentifier(sent, allowed)
    if (registered !== undefined) return registered
    const cause = resources.some(({ identifier }) => isSameIdentifier(identifier, sent))
      ? 'the record of the app does not list this API'
      : 'no API resource has this identifier'
    // Whether there is such an API is not for every app to know.
    throw refuse('resource-not-allowed', 'resource is not an API that the app may ask for', sent, cause)
  })
  return [...new Set(asked)]
}

/**
 * Decides what an access token is for: its audience is the resources that own one of its API scopes.
 * Named resources own the scopes they have. Where none was named, a scope is for the instance's own API if that has it or
 * nobody does, and else for every other API the app may use that has it.
 * @param named resources this one token is asked for, beyond what was granted; none takes them all
 * @see RFC 8707 §2, RFC 9068 §3
 */
export function targetOf(granted: GrantedAccess, named: readonly string[], app: App, catalogue: ApiCatalogue): Target {
  const allowed = allowedResources(app, catalogue)
  const candidates = granted.resources.length === 0 ? allowed : allowed.filter((id) => granted.resources.includes(id))
  const owners = new Map(
    apiScopesOf(granted.scope).map((scope) => [scope, ownersOf(scope, candidates, granted.resources, catalogue)]),
  )
  const selected = (id: string): boolean => named.length === 0 || named.includes(id)
  return {
    scope: granted.scope.filter((scope) => isProtocolScope(scope) || owners.get(scope)?.some(selected)),
    audience: candidates.filter((id) => selected(id) && [...owners.values()].some((ids) => ids.includes(id))),
  }
}

/** The APIs that one scope of a request is asked of, as far as the catalogue has them. */
export function apisAskedFor(
  scope: string,
  { app, resources }: { readonly app: App; readonly resources: readonly string[] },
  catalogue: ApiCatalogue,
): ApiResource[] {
  const { audience } = targetOf({ scope: [scope], resources }, [], app, catalogue)
  return catalogue.resources.filter(({ identifier }) => audience.includes(identifier))
}

function ownersOf(
  scope: string,
  candidates: readonly string[],
  granted: readonly string[],
  { defaultResource, resources }: ApiCatalogue,
): readonly string[] {
  const having = resources.filter(({ scopes }) => scopes.some(({ name }) => name === scope))
  const ids = having.map(({ identifier }) => identifier)
  const includesDefault = candidates.includes(defaultResource) && (ids.length === 0 || ids.includes(defaultResource))
  if (granted.length === 0) return includesDefault ? [defaultResource] : candidates.filter((id) => ids.includes(id))
  return candidates.filter((id) => ids.includes(id) || (id === defaultResource && includesDefault))
}

/**
 * Refuses a request whose scopes and resources do not belong together; nothing asked for by name is dropped in silence.
 * @throws Refused `invalid_scope` for a scope that no named resource has, `invalid_target` for a resource without any
 */
export function requireMatching(
  scope: readonly string[],
  resources: readonly string[],
  app: App,
  catalogue: ApiCatalogue,
): void {
  if (resources.length === 0) return
  const target = targetOf({ scope, resources }, [], app, catalogue)
  requireScopeOf(scope, target, resources)
  requireEach(resources, target, 'resource-without-scope')
}

/**
 * Narrows what was granted to the resources a token request names.
 * @param scope what the token is to hold, where the request names it
 * @throws Refused `invalid_target` for a resource that was not granted
 * @see RFC 8707 §2.2
 */
export function narrowToResources(
  form: Form,
  granted: GrantedAccess,
  scope: readonly string[] | undefined,
  app: App,
  catalogue: ApiCatalogue,
): Target {
  const named = readResources(form, app, catalogue)
  requireEach(named, targetOf(granted, [], app, catalogue), 'resource-not-granted')
  const target = targetOf({ ...granted, scope: scope ?? granted.scope }, named, app, catalogue)
  if (scope !== undefined && named.length > 0) requireScopeOf(scope, target, named)
  requireEach(named, target, 'resource-without-scope')
  return target
}

function requireScopeOf(scope: readonly string[], target: Target, resources: readonly string[]): void {
  const stray = scope.find((name) => !target.scope.includes(name))
  if (stray === undefined) return
  const detail = {
    rule: 'scope-of-no-resource',
    cause: `${stray} is not a scope of any of the APIs named`,
    sent: scope.join(' '),
    expected: target.scope.join(' '),
    resources,
  } as const
  throw new Refused('invalid_scope', `scope does not belong to any of the requested resources: ${stray}`, detail)
}

const WHY_OUTSIDE = {
  'resource-not-granted': 'resource was not granted at sign-in',
  'resource-without-scope': 'scope holds no scope of the resource',
} as const

function requireEach(resources: readonly string[], { audience }: Target, rule: keyof typeof WHY_OUTSIDE): void {
  const outside = resources.find((resource) => !audience.includes(resource))
  if (outside === undefined) return
  const description = WHY_OUTSIDE[rule]
  throw new Refused('invalid_target', description, { rule, cause: description, sent: outside, expected: audience })
}
