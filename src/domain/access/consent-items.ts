import { type RequestedClaims, scopesOfClaims } from '../protocol/requested-claims.ts'

/** What a person allows beside scopes: that a token goes to another API than the instance's own. No scope can look like this. */
const itemOfResource = (identifier: string): string => `"${identifier}"`

/** The API that an item of a consent speaks of, if it is not a scope. */
export const resourceOfItem = (item: string): string | undefined => /^"(.*)"$/.exec(item)?.[1]

/** Everything a person must have allowed before an app gets what it asks for. */
export const consentItems = (request: {
  readonly scope: readonly string[]
  readonly resources: readonly string[]
  readonly claims: RequestedClaims
}): string[] => [
  ...new Set([...request.scope, ...scopesOfClaims(request.claims)]),
  ...request.resources.map(itemOfResource),
]
