import { createHash } from 'node:crypto'

/** Who is signed in, as one app at one web origin is told it. */
export interface SessionState {
  readonly clientId: string
  readonly origin: string
  /** Another one after every sign-in of somebody and every sign-out. */
  readonly browserState: string
  readonly salt: string
}

/** `session_state`: only the page of this server in the app's frame can compare it. @see OIDC Session Management §3.2 */
export function sessionStateOf({ clientId, origin, browserState, salt }: SessionState): string {
  const hash = createHash('sha256').update(`${clientId} ${origin} ${browserState} ${salt}`).digest('base64url')
  return `${hash}.${salt}`
}
