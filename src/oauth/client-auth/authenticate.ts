import { type AuthenticatedApp, requireStillEnabled } from '../../domain/access/authenticated-app.ts'
import { isValidSecret } from '../../domain/apps/app-secret.ts'
import type { AppSecret, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { Audit } from '../../domain/instance/audit.ts'
import type { Form } from '../../domain/protocol/form.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { digest, sameDigest } from '../../lib/crypto/secrets.ts'
import type { LastUse } from '../../lib/flow/last-use.ts'
import { createRarely } from '../../lib/flow/rarely.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'
import type { TrustedApplications } from '../../store/repositories/apps/trusted-applications.ts'
import type { Write } from '../../store/store.ts'
import { assertsItself, CLIENT_CHECKS, type Claim, refuse } from './checks.ts'
import { type ClientCredentials, REFUSED, readCredentials } from './credentials.ts'
import type { VerifyAssertion } from './verify-assertion.ts'

interface Dependencies {
  readonly apps: Pick<TrustedApplications, 'find'>
  readonly write: Write<'apps' | 'clientAssertions'>
  readonly verifyAssertion: VerifyAssertion
  readonly clock: Clock
  readonly secretUse: Pick<LastUse, 'note'>
  readonly audit: Pick<Audit, 'note'>
}

export type AuthenticateApp = ReturnType<typeof createAuthenticateApp>

/**
 * Proves who is calling an endpoint that only apps may call.
 * @param authorization the header of that name
 * @param address where the request comes from, for the audit log
 * @param path of the endpoint that is called, below the issuer
 * @see RFC 6749 §2.3, §3.2.1
 */
export function createAuthenticateApp({ apps, write, verifyAssertion, clock, secretUse, audit }: Dependencies) {
  const onceAMinute = createRarely(clock, MINUTE)

  /** Each failure is a refusal with a record of its own; a stranger must not be able to fill the audit log with them. */
  function auditOnceAMinute(app: string, address: string, cause: string): void {
    if (!onceAMinute(app)) return
    audit.note({ event: 'app_authentication_failed', actor: 'nobody', app, address, detail: { cause } })
  }

  /** What came as client_id is a secret then, and must be written down nowhere. */
  async function refuseSwapped({ secret, method }: ClientCredentials): Promise<void> {
    const meant = secret === undefined ? undefined : await apps.find(secret)
    if (!meant) return
    throw new Refused('invalid_client', REFUSED, {
      rule: 'credentials-swapped',
      cause: 'client_id and client_secret are swapped',
      client_id: meant.applicationUri,
      method,
    })
  }

  /** Of two requests with one assertion, at whatever node, the one that notes it first counts. @see RFC 7523 §3 */
  async function consumeAssertion(claim: Claim): Promise<void> {
    const { assertion, app } = claim
    if (!assertion || 'rule' in assertion || !app) return
    const { jti, countsUntil } = assertion
    const { applicationUri } = app
    const isFirst = await write(async ({ apps, clientAssertions }) => {
      requireStillEnabled(app, await apps.find(applicationUri))
      return clientAssertions.consume(applicationUri, jti, countsUntil)
    })
    if (isFirst) return
    throw refuse(claim, 'assertion-used', 'an assertion with this jti has already been used')
  }

  return async function authenticateApp(
    authorization: string | undefined,
    form: Form,
    address: string,
    path: string,
  ): Promise<AuthenticatedApp> {
    const credentials = readCredentials(authorization, form)
    const app = await apps.find(credentials.clientId)
    if (!app) await refuseSwapped(credentials)
    const asserts = app?.isEnabled === true && credentials.method === app.tokenEndpointAuthMethod && assertsItself(app)
    const assertion = asserts ? await verifyAssertion(credentials, app, path) : undefined
    const claim = claimOf(credentials, app, clock(), assertion)
    try {
      for (const { require } of CLIENT_CHECKS) require(claim)
      await consumeAssertion(claim)
    } catch (error) {
      if (app && error instanceof Refused && error.code === 'invalid_client')
        auditOnceAMinute(app.applicationUri, address, String(error.detail['cause']))
      throw error
    }
    if (claim.secret) secretUse.note(claim.secret)
    return vouchFor(app as TrustedApplication, claim, address)
  }
}

/** Takes an app for one that has proved who it is; an explanation does so where nobody gave it the secret. */
export function vouchFor(app: TrustedApplication, { credentials, secret }: Claim, address: string): AuthenticatedApp {
  const authentication = { method: credentials.method, secret: secret?.id, address }
  return { ...app, authentication } as unknown as AuthenticatedApp
}

/**
 * What a request claims, before it is checked. Secrets are compared whatever else is wrong, so that an unknown app takes the
 * same time as a wrong secret.
 * @param now milliseconds since 1970
 */
export function claimOf(
  credentials: ClientCredentials,
  app: TrustedApplication | undefined,
  now: number,
  assertion?: Claim['assertion'],
): Claim {
  const matching = findSecrets(app?.secrets ?? [], [credentials.secret, credentials.unencodedSecret])
  const secret = matching.find((known) => isValidSecret(known, now))
  const proved = assertion && !('rule' in assertion) ? assertion.secret : secret
  return { credentials, app, secret: proved, expired: matching[0], assertion, now }
}

/** Finds which of the app's secrets was sent, live or not, in either spelling; every one is compared, in constant time. */
function findSecrets(secrets: readonly AppSecret[], sent: readonly (string | undefined)[]): AppSecret[] {
  const spellings = sent.map((secret = '') => ({ hash: digest(secret), counts: secret !== '' }))
  return secrets.filter((secret) => {
    const same = spellings.map(({ hash, counts }) => sameDigest(secret.hash, hash) && counts)
    return same.includes(true)
  })
}
