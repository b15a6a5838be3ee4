import { isValidSecret } from '../domain/app-secret.ts'
import type { Audit } from '../domain/audit.ts'
import type { AuthenticatedApp } from '../domain/authenticated-app.ts'
import { OAuthError } from '../domain/errors.ts'
import type { Form } from '../domain/form.ts'
import type { AppSecret, TrustedApplication } from '../domain/trusted-application.ts'
import { type Clock, MINUTE } from '../lib/clock.ts'
import { digest, sameDigest } from '../lib/secrets.ts'
import type { TrustedApplications } from '../repositories/trusted-applications.ts'
import { type ClientCredentials, readCredentials } from './credentials.ts'
import type { SecretUse } from './secret-use.ts'

interface Dependencies {
  readonly apps: Pick<TrustedApplications, 'find'>
  readonly clock: Clock
  readonly secretUse: Pick<SecretUse, 'note'>
  readonly audit: Audit
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
 * @param authorization the header of that name
 * @param address where the request comes from, for the audit log
 * @see RFC 6749 §2.3, §3.2.1
 */
export function createAuthenticateApp({ apps, clock, secretUse, audit }: Dependencies) {
  const told = new Map<string, number>()

  /** Each failure is a refusal with a record of its own; a stranger must not be able to fill the audit log with them. */
  function tellOnceAMinute(app: string, address: string, cause: string): void {
    const now = clock()
    if (now - (told.get(app) ?? -Infinity) < MINUTE) return
    told.set(app, now)
    audit({ event: 'app_authentication_failed', actor: 'nobody', app, address, detail: { cause } })
  }

  return async function authenticateApp(
    authorization: string | undefined,
    form: Form,
    address: string,
  ): Promise<AuthenticatedApp> {
    const credentials = readCredentials(authorization, form)
    const app = await apps.find(credentials.clientId)
    // Compared before anything is refused, so that an unknown app takes the same time as a wrong secret.
    const secret = findSecret(app?.secrets ?? [], credentials.secret, clock())
    if (!app) throw refuse(credentials, 'no app has this ApplicationUri')
    const cause = app.isEnabled ? whyUnproved(app, credentials, secret) : 'the app is disabled'
    if (cause !== undefined) {
      tellOnceAMinute(app.applicationUri, address, cause)
      throw refuse(credentials, cause)
    }
    if (secret) secretUse.note(secret)
    const authentication = { method: credentials.method, secret: secret?.id, address }
    return { ...app, authentication } as unknown as AuthenticatedApp
  }
}

/** Each type of app has one way to prove itself. @throws OAuthError `unauthorized_client` for an app that has none */
function whyUnproved(
  app: TrustedApplication,
  credentials: ClientCredentials,
  secret: AppSecret | undefined,
): string | undefined {
  switch (app.clientType) {
    case 'None':
      throw new OAuthError('unauthorized_client', 'the app is registered as a note only; no flow works for it', {
        client_id: app.applicationUri,
        expected: 'ClientType Confidential or Public',
      })
    case 'Public':
      return credentials.method === 'none' ? undefined : 'a Public app has no secret, but one was sent'
    case 'Confidential':
      if (credentials.secret === undefined) return 'a Confidential app must send its secret'
      if (secret) return undefined
      return app.secrets.length === 0 ? 'the app has no secret' : 'the secret is wrong or has expired'
  }
}

/** Finds which of the app's live secrets was sent; every one is compared, in constant time. */
function findSecret(secrets: readonly AppSecret[], sent: string | undefined, now: number): AppSecret | undefined {
  const hash = digest(sent ?? '')
  return secrets.filter((secret) => {
    const same = sameDigest(secret.hash, hash)
    return same && sent !== undefined && sent !== '' && isValidSecret(secret, now)
  })[0]
}
