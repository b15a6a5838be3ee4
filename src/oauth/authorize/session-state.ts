import { originOf } from '../../domain/protocol/redirect-uri.ts'
import { sessionStateOf } from '../../domain/protocol/session-state.ts'
import { newSecret, type Random } from '../../lib/crypto/secrets.ts'
import type { Redirectable } from './request/request.ts'

interface Dependencies {
  readonly browserStateOf: (sid: string) => string
  readonly random: Random
}

/** The parameter that tells an app which sign-in its answer is of; an app without a web origin could not ask. @see OIDC Session Management §2 */
export const createSessionStateParameter =
  ({ browserStateOf, random }: Dependencies) =>
  ({ app, redirectUri }: Redirectable, sid: string | undefined): Readonly<Record<string, string>> => {
    const origin = originOf(redirectUri)
    if (sid === undefined || origin === undefined) return {}
    const [clientId, browserState, salt] = [app.applicationUri, browserStateOf(sid), newSecret(random).slice(0, 22)]
    return { session_state: sessionStateOf({ clientId, origin, browserState, salt }) }
  }
