import type { JWTPayload } from 'jose'

/** What an access token that was found good says, whatever its kind; not the token itself. */
export interface AccessToken {
  /** `sub`: the stable id of a person (at a pairwise app one of its sector), or the client_id where an app acts on its own. */
  readonly subject: string
  /** Which app sent the token. */
  readonly clientId: string
  /** Whether a person acts through the app, or the app on its own as its System User. */
  readonly kind: 'user' | 'service'
  /** The id of the person or System User who acts; a signed token of a pairwise app does not tell it, the server does. */
  readonly userId: string | undefined
  readonly scope: readonly string[]
  /** Milliseconds since 1970. */
  readonly issuedAt: number
  readonly expiresAt: number
  /** Everything the token says. */
  readonly claims: Readonly<JWTPayload>
  /** The API session that the call belongs to, with the option `apiSessions`. */
  readonly sessionId: string | undefined
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** Reads the claims of a token that was found good. @see RFC 9068 §2.2 */
export function readAccessToken(claims: JWTPayload): AccessToken {
  const systemUser = textOf(claims['client_system_user_id'])
  return {
    subject: claims.sub ?? '',
    clientId: textOf(claims['client_id']) ?? '',
    kind: systemUser === undefined ? 'user' : 'service',
    userId: systemUser ?? textOf(claims['id']),
    scope: readScope(claims['scope']),
    issuedAt: (claims.iat ?? 0) * 1000,
    expiresAt: (claims.exp ?? 0) * 1000,
    claims,
    sessionId: undefined,
  }
}

/** One text, or a list where the server is told to write one. @see RFC 9068 §2.2.3 */
const readScope = (scope: unknown): string[] =>
  [scope].flat().flatMap((text) => (typeof text === 'string' ? text.split(' ').filter((name) => name !== '') : []))
