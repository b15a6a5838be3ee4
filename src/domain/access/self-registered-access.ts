import { shellWord } from '../../lib/text/shell.ts'
import { type ApiResource, scopesOf } from './api-resource.ts'
import type { ApiCatalogue } from './resource-indicators.ts'

/** The APIs that an app which registered itself may use: that of the instance, those marked for it, and those it was given. */
const apisFor = ({ defaultResource, resources }: ApiCatalogue, own: readonly string[]): ApiResource[] =>
  resources.filter(
    ({ identifier, openToSelfRegistered }) =>
      openToSelfRegistered || identifier === defaultResource || own.includes(identifier),
  )

/**
 * Of the scopes that the operator gives away, those that open something to an app which registers itself.
 * @param own APIs that its record lists already
 */
export const scopesToGive = (
  given: readonly string[],
  catalogue: ApiCatalogue,
  own: readonly string[] = [],
): readonly string[] => {
  const open = scopesOf(apisFor(catalogue, own))
  return given.filter((scope) => open.includes(scope))
}

/** What an app gets of them that names none: the scopes of APIs which are there for such apps. @see RFC 7591 §2 */
export const scopesByDefault = (given: readonly string[], { resources }: ApiCatalogue): readonly string[] => {
  const open = scopesOf(resources.filter(({ openToSelfRegistered }) => openToSelfRegistered))
  return given.filter((scope) => open.includes(scope))
}

/** The APIs that the record of such an app lists: those it had, and those marked ones that have a scope of it. */
export const apisToList = (
  scope: readonly string[],
  { resources }: ApiCatalogue,
  own: readonly string[] = [],
): readonly string[] => {
  const marked = resources.filter(
    ({ openToSelfRegistered, scopes }) => openToSelfRegistered && scopes.some(({ name }) => scope.includes(name)),
  )
  return [...new Set([...own, ...marked.map(({ identifier }) => identifier)])]
}

/** Why scopes that the operator gives away open nothing to any app which registers itself, one sentence for each, with what mends it. */
export function whyNotToGive(given: readonly string[], catalogue: ApiCatalogue): string[] {
  const givable = scopesToGive(given, catalogue)
  return given
    .filter((scope) => !givable.includes(scope))
    .map((scope) => {
      const [owner] = catalogue.resources.filter(({ scopes }) => scopes.some(({ name }) => name === scope))
      const without = `or take ${scope} out of the setting`
      return owner
        ? `lists ${scope}, a scope of ${owner.identifier}, which is not open to apps that register themselves; open it with: tessera resource update ${shellWord(owner.identifier)} --open-to-self-registered, ${without}`
        : `lists ${scope}, which is a scope of no API resource; add it to one with: tessera resource update IDENTIFIER --scope ${shellWord(scope)}, ${without}`
    })
}

/** What an instance gives away to apps that register themselves. */
export interface GivenAway {
  /** Nothing where they may not. */
  readonly scopes: readonly string[]
  readonly defaultResource: string
}

/** Which scopes that are given away open nothing any more once the APIs have changed, one sentence for each. */
export function lostToGive(
  { scopes, defaultResource }: GivenAway,
  before: readonly ApiResource[],
  after: readonly ApiResource[],
): string[] {
  const why = (resources: readonly ApiResource[]): string[] => whyNotToGive(scopes, { defaultResource, resources })
  const known = why(before)
  return why(after)
    .filter((sentence) => !known.includes(sentence))
    .map((sentence) => `TESSERA_REGISTRATION_SCOPES ${sentence}; until then this server does not start again`)
}
