import { Refused } from '../refusals/errors.ts'
import type { RefusalRule } from '../refusals/refusal-rule.ts'

/** Scopes of the protocol itself; an app need not list them in its record. @see OIDC Core §5.4, §11 */
export const PROTOCOL_SCOPES = ['openid', 'profile', 'email', 'phone', 'address', 'offline_access'] as const

/** API scopes every instance knows. */
export const DEFAULT_API_SCOPES = ['read', 'update'] as const

/** The scope of the administration API, for apps that an administrator marked. */
export const ADMINISTRATION_SCOPE = 'sec'

const MOST_SCOPES = 64
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/

export const isProtocolScope = (scope: string): boolean => PROTOCOL_SCOPES.some((known) => known === scope)
export const isScopeToken = (scope: string): boolean => SCOPE_TOKEN.test(scope)
export const apiScopesOf = (scopes: readonly string[]): string[] => scopes.filter((scope) => !isProtocolScope(scope))

/**
 * Reads a space-delimited scope parameter.
 * @throws Refused `invalid_scope` for bad characters, a doubled scope or too many of them
 * @see RFC 6749 §3.3
 */
export function readScope(value: string): string[] {
  const scopes = value.split(' ')
  if (scopes.length > MOST_SCOPES) {
    const cause = `the request has ${scopes.length} scopes; ${MOST_SCOPES} are allowed`
    throw new Refused('invalid_scope', `more than ${MOST_SCOPES} scopes`, { rule: 'scope-malformed', cause })
  }
  if (!scopes.every(isScopeToken)) {
    throw new Refused('invalid_scope', 'scope is not a list of scope names separated by single spaces', {
      rule: 'scope-malformed',
      cause: 'scope contains an empty name, or a character that scope names cannot have',
      sent: value.slice(0, 200),
    })
  }
  const doubled = scopes.find((scope, index) => scopes.indexOf(scope) !== index)
  if (doubled !== undefined)
    throw new Refused('invalid_scope', `scope is repeated: ${doubled}`, {
      rule: 'scope-repeated',
      scope: doubled,
      sent: value,
      cause: `${doubled} occurs more than once`,
    })
  return scopes
}

/** Refuses the first scope that is not among the allowed ones, by name. */
export function requireWithin(
  scopes: readonly string[],
  allowed: readonly string[],
  why: string,
  rule: RefusalRule = 'scope-unregistered',
): void {
  const outside = scopes.find((scope) => !allowed.includes(scope))
  if (outside !== undefined) {
    throw new Refused('invalid_scope', `${why}: ${outside}`, {
      rule,
      scope: outside,
      cause: `${why}: ${outside}`,
      sent: scopes.join(' '),
      expected: allowed.join(' '),
    })
  }
}

/** Of what was granted, the part that the app's record still lists; protocol scopes need no listing. */
export const stillRegistered = (granted: readonly string[], app: { readonly scope: readonly string[] }): string[] =>
  granted.filter((scope) => isProtocolScope(scope) || app.scope.includes(scope))
