import type { AuthenticatedApp } from '../../domain/access/authenticated-app.ts'
import type { Authorization } from '../../domain/access/authorization.ts'
import type { TokenBinding } from '../../domain/access/token-binding.ts'
import type { Form } from '../../domain/protocol/form.ts'
import { OAuthError } from '../../domain/refusals/errors.ts'

/** What an app that has proved who it is asks of the token endpoint. */
export interface TokenRequest {
  readonly app: AuthenticatedApp
  readonly form: Form
  /** What the sender proved to hold, to which its tokens are bound. */
  readonly binding: TokenBinding
}

/** One `grant_type`: decides what is granted, knows neither HTTP nor tokens. */
export interface Grant {
  readonly type: string
  authorize(request: TokenRequest): Promise<Authorization>
}

export interface GrantRegistry {
  readonly types: readonly string[]
  /** @throws OAuthError `unsupported_grant_type` */
  find(type: string): Grant
}

/** Holds the grants the server offers. @see RFC 6749 §4.5 */
export function createGrantRegistry(grants: readonly Grant[]): GrantRegistry {
  const byType = new Map(grants.map((grant) => [grant.type, grant]))
  const types = [...byType.keys()]
  return {
    types,
    find(type) {
      const grant = byType.get(type)
      if (grant) return grant
      throw new OAuthError('unsupported_grant_type', `the grant type is not offered; offered are ${types.join(', ')}`, {
        rule: 'grant-type-unsupported',
        cause: 'this grant_type is not offered',
        sent: type.slice(0, 100),
        expected: types,
      })
    },
  }
}
