import type { AuthenticatedApp } from '../domain/authenticated-app.ts'
import { OAuthError } from '../domain/errors.ts'
import type { Form } from '../domain/form.ts'
import type { AppSecret, TrustedApplication } from '../domain/trusted-application.ts'
import type { Clock } from '../lib/clock.ts'
import { digest, sameDigest } from '../lib/secrets.ts'
import type { TrustedApplications } from '../repositories/trusted-applications.ts'
import { type ClientCredentials, readCredentials } from './credentials.ts'

interface Dependencies {
  readonly apps: Pick<TrustedApplications, 'find'>
  readonly clock: Clock
}

export type AuthenticateApp = ReturnType<typeof createAuthenticateApp>

/** The client is told one thing, whatever was wrong; the operator is told which. */
const refuse = (credentials: ClientCredentials, cause: string): OAuthError =>
  new OAuthError('invalid_client', 'the app is unknown, or its authentication is wrong or missing', {
    client_id: credentials.clientId,
    method: credentials.method,
    cause,
  })

/**
 * Proves who is calling an endpoint that only apps may call.
 * @see RFC 6749 §2.3, §3.2.1
 */
export function createAuthenticateApp({ apps, clock }: Dependencies) {
  return async function authenticateApp(authorization: string | undefined, form: Form): Promise<AuthenticatedApp> {
    const credentials = readCredentials(authorization, form)
    const app = await apps.find(credentials.clientId)
    // Compared before anything is refused, so that an unknown app takes the same time as a wrong secret.
    const secret = findSecret(app?.secrets ?? [], credentials.secret, clock())
    if (!app) throw refuse(credentials, 'no app has this ApplicationUri')
    if (!app.isEnabled) throw refuse(credentials, 'the app is disabled')
    requireMethodOfType(app, credentials, secret)
    return { ...app, authentication: { method: credentials.method, secret: secret?.id } } as unknown as AuthenticatedApp
  }
}

function requireMethodOfType(
  app: TrustedApplication,
  credentials: ClientCredentials,
  secret: AppSecret | undefined,
): void {
  switch (app.clientType) {
    case 'None':
      throw new OAuthError('unauthorized_client', 'the app is registered as a note only; no flow works for it', {
        client_id: app.applicationUri,
        expected: 'ClientType Confidential or Public',
      })
    case 'Public':
      if (credentials.method !== 'none') throw refuse(credentials, 'a Public app has no secret, but one was sent')
      return
    case 'Confidential':
      if (credentials.secret === undefined) throw refuse(credentials, 'a Confidential app must send its secret')
      if (!secret)
        throw refuse(
          credentials,
          app.secrets.length === 0 ? 'the app has no secret' : 'the secret is wrong or has expired',
        )
  }
}

/** Finds which of the app's live secrets was sent; every one is compared, in constant time. */
function findSecret(secrets: readonly AppSecret[], sent: string | undefined, now: number): AppSecret | undefined {
  const hash = digest(sent ?? '')
  return secrets.filter((secret) => {
    const same = sameDigest(secret.hash, hash)
    return same && sent !== undefined && sent !== '' && (secret.expiresAt === undefined || secret.expiresAt > now)
  })[0]
}
