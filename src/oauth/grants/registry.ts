import type { AuthenticatedApp } from '../../domain/access/authenticated-app.ts'
import type { ServiceAuthorization, UsedBefore, UserAuthorization } from '../../domain/access/authorization.ts'
import type { TokenBinding } from '../../domain/access/token-binding.ts'
import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { Form } from '../../domain/protocol/form.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import type { RunCheck } from '../../domain/refusals/run-check.ts'

/** What an app that has proved who it is asks of the token endpoint. */
export interface TokenRequest {
  readonly app: AuthenticatedApp
  readonly form: Form
  /** What the sender proved to hold, to which its tokens are bound. */
  readonly binding: TokenBinding
}

/** One check of a grant, as `tessera explain` shows it. */
export interface GrantCheck {
  readonly name: string
  /** What to say of one that needs what the app presents, of an app that signed somebody in for this scope. */
  readonly unmade?: (asked: { readonly app: TrustedApplication; readonly scope: readonly string[] }) => string
}

/** Lets an app act for a person, by what it presents. */
interface PersonGrant {
  readonly type: string
  /** Apps that registered themselves may use it. */
  readonly actsFor: 'person'
  /** What is checked, in the order of an explanation. */
  readonly checks: readonly GrantCheck[]
  authorize(request: TokenRequest): Promise<UserAuthorization | UsedBefore>
}

/** Lets an app act on its own. */
interface AppGrant {
  readonly type: string
  readonly actsFor: 'app'
  /** The checks that `runCheck` gets, in their order. */
  readonly checks: readonly GrantCheck[]
  /** @param runCheck notes how each check goes, for an explanation, which makes them all */
  authorize(request: TokenRequest, runCheck?: RunCheck): Promise<ServiceAuthorization>
}

/** One `grant_type`: decides what is granted, knows neither HTTP nor tokens. */
export type Grant = PersonGrant | AppGrant

export interface GrantRegistry {
  readonly offered: readonly Grant[]
  readonly types: readonly string[]
  /** @throws Refused `unsupported_grant_type` */
  find(type: string): Grant
}

/** Holds the grants the server offers. @see RFC 6749 §4.5 */
export function createGrantRegistry(grants: readonly Grant[]): GrantRegistry {
  const byType = new Map(grants.map((grant) => [grant.type, grant]))
  const types = [...byType.keys()]
  return {
    offered: grants,
    types,
    find(type) {
      const grant = byType.get(type)
      if (grant) return grant
      throw new Refused('unsupported_grant_type', `the grant type is not supported; supported: ${types.join(', ')}`, {
        rule: 'grant-type-unsupported',
        cause: 'this grant_type is not supported',
        sent: type.slice(0, 100),
        expected: types,
      })
    },
  }
}
