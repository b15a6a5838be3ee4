import type { TokenResponse } from '../access/authorization.ts'
import type { TrustedApplication } from '../apps/trusted-application.ts'
import type { AuditEvent } from '../instance/audit.ts'
import type { User } from '../users/user.ts'

/** An access token that was made, and what it was made for. */
interface Issued {
  readonly app: Pick<TrustedApplication, 'applicationUri'>
  /** Whom it acts as. */
  readonly user: Pick<User, 'id'>
  readonly scope: readonly string[]
  readonly audience: readonly string[]
  /** Its `jti`. */
  readonly tokenId: string
  readonly response: TokenResponse
  /** The grant type, or the response type that handed it out through the browser. */
  readonly grant: string
  readonly address: string
}

/** What the audit log tells of an access token; never the token. */
export const tokenIssued = ({ app, user, scope, audience, tokenId, response, grant, address }: Issued): AuditEvent => ({
  event: 'token_issued',
  actor: `app:${app.applicationUri}`,
  app: app.applicationUri,
  user: user.id,
  address,
  detail: {
    grant,
    scope: scope.join(' '),
    audience,
    token: tokenId,
    refreshable: response.refresh_token !== undefined,
  },
})
