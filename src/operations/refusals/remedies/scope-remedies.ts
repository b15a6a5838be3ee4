import { isSameIdentifier } from '../../../domain/access/resource-identifier.ts'
import { shellWord } from '../../../lib/text/shell.ts'
import { developer, type Facts, inTheApp, type Registered, type Remedies, type Remedy, update } from './remedy.ts'

type Resource = Registered['resources'][number]

const has = ({ scopes }: Resource, scope: string): boolean => scopes.some(({ name }) => name === scope)

/** The APIs that the app may ask for already. */
const allowedOf = ({ app, resources, defaultResource }: Registered): readonly Resource[] =>
  resources.filter(({ identifier }) => identifier === defaultResource || app?.apiResources.includes(identifier))

const listApi = ({ app }: Registered, identifier: string): string =>
  `ApiResources=${[...new Set([...(app?.apiResources ?? []), identifier])].join(' ')}`
const listScopes = ({ app }: Registered, ...scopes: readonly string[]): string =>
  `Scope=${[...new Set([...(app?.scope ?? []), ...scopes])].join(' ')}`

/** What a list with other separators than spaces says; `undefined` for a name that has none. */
function separated(scope: string): string | undefined {
  const names = scope.split(/[;+|]+/).filter((name) => name !== '')
  return names.length > 1 ? names.join(' ') : undefined
}

const separate = (names: unknown): Remedy => ({ fix: inTheApp(`separate the names with spaces: scope=${names}`) })

/** Adds a scope to the record where an API has it, and that API where the record lacks it; else the app asks for one that exists. */
function registerScope({ registered, refusal: { detail }, uri, nearest }: Facts): Remedy {
  const scope = String(detail['scope'] ?? '')
  const names = separated(scope)
  if (names !== undefined) return separate(names)
  const instead = inTheApp(nearest === undefined ? `do not ask for ${scope}` : `ask for ${nearest} instead of ${scope}`)
  const owners = registered.resources.filter((resource) => has(resource, scope))
  const [owner] = owners
  if (owner === undefined) {
    const give = `tessera resource update ${shellWord(registered.defaultResource)} --scope ${shellWord(scope)}`
    const add = update(uri, listScopes(registered, scope))
    return { fix: instead, otherwise: `if the API is to have the scope ${scope}: ${give} && ${add}` }
  }
  const isAllowed = owners.some(({ identifier }) => allowedOf(registered).some((one) => one.identifier === identifier))
  const api = isAllowed ? [] : [listApi(registered, owner.identifier)]
  return { fix: update(uri, ...api, listScopes(registered, scope)), otherwise: instead }
}

/** What the record must say before the app may name an API: the API, and one of its scopes at least. */
function listResource({ uri, registered }: Facts, { identifier, scopes }: Resource): string {
  const known = scopes.some(({ name }) => registered.app?.scope.includes(name))
  const [only = 'SCOPE'] = scopes.length === 1 ? scopes.map(({ name }) => name) : []
  return update(uri, listApi(registered, identifier), ...(known ? [] : [listScopes(registered, only)]))
}

/** An API that the app may name: one that is registered and in its record. */
function nameResource(facts: Facts): Remedy {
  const { uri, sent, nearest, registered } = facts
  const expected = 'an API that the app may name'
  const omit = inTheApp('omit resource, for a token for the API of the instance')
  const same = registered.resources.find(({ identifier }) => isSameIdentifier(identifier, sent))
  if (same) return { expected, fix: listResource(facts, same), otherwise: omit }
  const meant = registered.resources.find(({ identifier }) => identifier === nearest)
  if (meant && allowedOf(registered).includes(meant))
    return { expected, fix: inTheApp(`send resource=${meant.identifier}`), otherwise: omit }
  if (meant) {
    const list = listResource(facts, meant)
    return { expected, fix: inTheApp(`send resource=${meant.identifier}, which the record must list: ${list}`) }
  }
  const add = `tessera resource add ${shellWord(sent)} --scope SCOPE`
  const list = update(uri, listApi(registered, sent), listScopes(registered, 'SCOPE'))
  return {
    expected,
    fix: inTheApp(
      'send the identifier of a registered API as resource, or omit resource; tessera resource list shows them',
    ),
    // What looks like a flag has no place in a command.
    otherwise: sent.startsWith('-') ? undefined : `if there is such an API: ${add} && ${list}`,
  }
}

/** Which scope of the API the app can ask for; where its record has none, that comes first. */
function addScopeOf(facts: Facts): Remedy {
  const { registered, sent } = facts
  const resource = registered.resources.find(({ identifier }) => identifier === sent)
  const names = resource?.scopes.map(({ name }) => name).filter((name) => registered.app?.scope.includes(name))
  if (names === undefined || resource === undefined)
    return { fix: inTheApp('ask for a scope of each API named in resource') }
  return names.length > 0
    ? { fix: inTheApp(`add ${names.join(' or ')} to scope, or omit resource=${sent}`) }
    : { fix: listResource(facts, resource), otherwise: inTheApp(`omit resource=${sent}`) }
}

/** What to do about scopes, and about the APIs that have them. */
export const SCOPE_REMEDIES = {
  'scope-missing': developer(
    'send scope, with openid to learn who signed in and API scopes to act for them',
    'openid, or an API scope in the record',
  ),
  'scope-malformed': developer('send scope names separated by spaces', 'names separated by spaces'),
  'scope-separated-by-commas': ({ refusal: { detail } }) => separate(detail['expected']),
  'scope-unregistered': registerScope,
  'scope-for-people': ({ registered: { app } }) => ({
    fix: inTheApp('ask only for API scopes, or omit scope to get all of them'),
    expected: app?.scope.join(' ') ?? '',
  }),
  'scope-widened': ({ refusal: { detail } }) => ({
    fix: inTheApp(`ask for ${detail['scope']} at sign-in; a refresh can only narrow what was granted`),
  }),
  'openid-missing': developer('add openid to scope', 'openid'),
  'resource-malformed': developer('send the identifier of an API: an absolute URI or a registered name, no fragment'),
  'resource-not-allowed': nameResource,
  'resource-not-granted': developer(
    'at the token endpoint, name only APIs that were named at sign-in; name this one there, too, with a scope of it',
  ),
  'resource-without-scope': addScopeOf,
  'scope-of-no-resource': developer('also name the API that has the scope, or omit the scope'),
} as const satisfies Remedies
