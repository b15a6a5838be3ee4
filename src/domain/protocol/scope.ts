import { Refused } from '../refusals/errors.ts'
import type { RefusalRule } from '../refusals/refusal-rule.ts'
import type { Form } from './form.ts'

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
 * Reads a space-delimited scope parameter; a name counts once however often it comes, and spaces only separate.
 * @throws Refused `invalid_scope` for bad characters or too many names
 * @see RFC 6749 §3.3
 */
export function readScope(value: string): string[] {
  const scopes = [...new Set(value.split(' '))].filter((scope) => scope !== '')
  if (scopes.length > MOST_SCOPES) {
    const cause = `the request has ${scopes.length} scopes; ${MOST_SCOPES} are allowed`
    throw new Refused('invalid_scope', `more than ${MOST_SCOPES} scopes`, { rule: 'scope-malformed', cause })
  }
  if (!scopes.every(isScopeToken)) {
    throw new Refused('invalid_scope', 'scope is not a list of scope names separated by spaces', {
      rule: 'scope-malformed',
      cause: 'scope contains a character that scope names cannot have, or a name that is too long',
      sent: value.slice(0, 200),
    })
  }
  return scopes
}

/** The scopes that a request names; nothing but spaces is none. @throws Refused `invalid_scope` */
export function scopeIn(form: Pick<Form, 'get'>): string[] | undefined {
  const scopes = readScope(form.get('scope') ?? '')
  return scopes.length === 0 ? undefined : scopes
}

/** Whether several names were meant, as an array becomes in some languages. */
export const isSeparatedByCommas = (scope: string): boolean => scope.includes(',')

/** Refuses the first scope that is not among the allowed ones, by name. */
export function requireWithin(
  scopes: readonly string[],
  allowed: readonly string[],
  why: string,
  rule: RefusalRule = 'scope-unregistered',
): void {
  const outside = scopes.find((scope) => !allowed.includes(scope))
  if (outside !== undefined && isSeparatedByCommas(outside)) throw separatedByCommas(scopes)
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

function separatedByCommas(scopes: readonly string[]): Refused {
  const sent = scopes.join(' ')
  return new Refused('invalid_scope', `scope names are separated by spaces, not by commas: ${sent}`, {
    rule: 'scope-separated-by-commas',
    cause: 'scope contains a name with a comma, which no scope has; names are separated by spaces',
    sent,
    expected: sent.split(/[ ,]+/).join(' ').trim(),
  })
}

/** Of what was granted, the part that the app's record still lists; protocol scopes need no listing. */
export const stillRegistered = (granted: readonly string[], app: { readonly scope: readonly string[] }): string[] =>
  granted.filter((scope) => isProtocolScope(scope) || app.scope.includes(scope))
