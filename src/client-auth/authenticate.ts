import type { AuthenticatedApp } from '../domain/authenticated-app.ts'
import type { Form } from '../domain/form.ts'
import type { AppSecret, TrustedApplication } from '../domain/trusted-application.ts'
import type { Clock } from '../lib/clock.ts'
import { digest, sameDigest } from '../lib/secrets.ts'
import type { TrustedApplications } from '../repositories/trusted-applications.ts'
import { CLIENT_CHECKS, type Claim } from './checks.ts'
import { type ClientCredentials, readCredentials } from './credentials.ts'

interface Dependencies {
  readonly apps: Pick<TrustedApplications, 'find'>
  readonly clock: Clock
}

export type AuthenticateApp = ReturnType<typeof createAuthenticateApp>

/**
 * Proves who is calling an endpoint that only apps may call.
 * @see RFC 6749 §2.3, §3.2.1
 */
export function createAuthenticateApp({ apps, clock }: Dependencies) {
  return async function authenticateApp(authorization: string | undefined, form: Form): Promise<AuthenticatedApp> {
    const credentials = readCredentials(authorization, form)
    const app = await apps.find(credentials.clientId)
    const claim = claimOf(credentials, app, clock())
    for (const { require } of CLIENT_CHECKS) require(claim)
    return vouchFor(app as TrustedApplication, claim)
  }
}

/** Takes an app for one that has proved who it is; an explanation does so where nobody gave it the secret. */
export function vouchFor(app: TrustedApplication, { credentials, secret }: Claim): AuthenticatedApp {
  const authentication = { method: credentials.method, secret: secret?.id }
  return { ...app, authentication } as unknown as AuthenticatedApp
}

/**
 * What a request claims, before it is judged. Secrets are compared whatever else is wrong, so that an unknown app takes the
 * same time as a wrong secret.
 * @param now milliseconds since 1970
 */
export function claimOf(credentials: ClientCredentials, app: TrustedApplication | undefined, now: number): Claim {
  const matching = findSecrets(app?.secrets ?? [], credentials.secret)
  const secret = matching.find((known) => isLive(known, now))
  return { credentials, app, secret, expired: matching[0], now }
}

export const isLive = ({ expiresAt }: AppSecret, now: number): boolean => expiresAt === undefined || expiresAt > now

/** Finds which of the app's secrets was sent, live or not; every one is compared, in constant time. */
function findSecrets(secrets: readonly AppSecret[], sent: string | undefined): AppSecret[] {
  const hash = digest(sent ?? '')
  return secrets.filter((secret) => {
    const same = sameDigest(secret.hash, hash)
    return same && sent !== undefined && sent !== ''
  })
}
