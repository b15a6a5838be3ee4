import type { AuthMethod } from '../apps/app-choices.ts'
import type { TrustedApplication } from '../apps/trusted-application.ts'
import { Refused } from '../refusals/errors.ts'

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
 * Lets an app go on that has proved who it is, unless a kill switch was thrown since.
 * @param found the app as it is now
 * @throws Refused `invalid_client`
 */
export function requireStillEnabled(caller: TrustedApplication, found: TrustedApplication | undefined): void {
  if (found?.isEnabled && found.epoch === caller.epoch) return
  throw new Refused('invalid_client', 'the app is unknown, or its authentication is wrong or missing', {
    rule: found ? 'app-disabled' : 'app-unknown',
    client_id: caller.applicationUri,
    cause: found ? 'the app was disabled while its request waited' : 'the app was removed while its request waited',
  })
}

/**
 * Lets only an app in that proved who it is by a secret.
 * @param what it wants to do
 * @throws Refused `invalid_client`
 */
export function requireConfidential(caller: AuthenticatedApp, what: string): AuthenticatedApp {
  if (caller.clientType === 'Confidential') return caller
  throw new Refused('invalid_client', `only a Confidential app may ${what}`, {
    rule: 'confidential-app-needed',
    client_id: caller.applicationUri,
    cause: `the app has ClientType ${caller.clientType}, and only a secret proves who asks`,
    expected: 'a Confidential app',
  })
}
