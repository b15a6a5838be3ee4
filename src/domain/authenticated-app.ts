import { OAuthError } from './errors.ts'
import type { AuthMethod, TrustedApplication } from './trusted-application.ts'

declare const proof: unique symbol

/** How an app proved who it is at the token endpoint. @see OIDC Core §9 */
export type ClientAuthMethod = Exclude<AuthMethod, 'client_secret'> | 'none'

/** An app that has proved who it is; only `client-auth/` makes one. */
export interface AuthenticatedApp extends TrustedApplication {
  readonly [proof]: true
  readonly authentication: {
    readonly method: ClientAuthMethod
    /** Which of the app's secrets was used. */
    readonly secret: string | undefined
    /** Where the request came from. */
    readonly address?: string | undefined
  }
}

/** How the audit log names an app that did something itself. */
export const auditedApp = ({ applicationUri, authentication: { address } }: AuthenticatedApp) => ({
  actor: `app:${applicationUri}`,
  app: applicationUri,
  ...(address === undefined ? {} : { address }),
})

/**
 * Lets only an app in that proved who it is by a secret.
 * @param what it wants to do
 * @throws OAuthError `invalid_client`
 */
export function requireConfidential(caller: AuthenticatedApp, what: string): AuthenticatedApp {
  if (caller.clientType === 'Confidential') return caller
  throw new OAuthError('invalid_client', `only a Confidential app may ${what}`, {
    rule: 'confidential-app-needed',
    client_id: caller.applicationUri,
    cause: `the app is of ClientType ${caller.clientType}, and only a secret proves who asks`,
    expected: 'ClientType Confidential',
  })
}
