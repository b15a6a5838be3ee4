import { isValidSecret } from '../../domain/apps/app-secret.ts'
import type { AppSecret, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { type OperatorDetail, Refused } from '../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import { isoTime } from '../../lib/time/clock.ts'
import { type ClientCredentials, REFUSED } from './credentials.ts'
import type { AssertionVerdict } from './verify-assertion.ts'

/** Who a request says it is from, and what is known about that. */
export interface Claim {
  readonly credentials: ClientCredentials
  readonly app: TrustedApplication | undefined
  /** The live secret that was sent. */
  readonly secret: AppSecret | undefined
  /** A secret that was sent and was good once. */
  readonly expired: AppSecret | undefined
  /** What came of the assertion, where one was sent and the app is registered for it. */
  readonly assertion?: AssertionVerdict | undefined
  /** Milliseconds since 1970. */
  readonly now: number
}

interface ClientCheck {
  readonly name: string
  /** @throws Refused */
  readonly require: (claim: Claim) => void
}

/** The client is told one thing, whatever was wrong; the operator is told which. */
export const refuse = (
  { credentials }: Claim,
  rule: RefusalRule,
  cause: string,
  detail: OperatorDetail = {},
): Refused =>
  new Refused('invalid_client', REFUSED, {
    ...detail,
    rule,
    client_id: credentials.clientId,
    method: credentials.method,
    cause,
  })

/** From the app itself to its secret: what is wrong with the app explains more than what is wrong with its secret. */
export const CLIENT_CHECKS: readonly ClientCheck[] = [
  { name: 'client_id', require: requireKnown },
  { name: 'IsEnabled', require: requireEnabled },
  { name: 'ClientType', require: requireMoreThanNote },
  { name: 'TokenEndpointAuthMethod', require: requireRegisteredMethod },
  { name: 'client authentication', require: requireProof },
]

function requireKnown(claim: Claim): void {
  if (claim.app) return
  throw refuse(claim, 'app-unknown', 'no app has this ApplicationUri', { sent: claim.credentials.clientId })
}

function requireEnabled(claim: Claim): void {
  if (claim.app?.isEnabled === false) throw refuse(claim, 'app-disabled', 'the app is disabled')
}

function requireMoreThanNote({ app }: Claim): void {
  // What the type should be is not guessed where it is damaged.
  if (!app || app.clientType === 'Confidential' || app.clientType === 'Public') return
  throw new Refused('unauthorized_client', 'the app is registered as a note only and cannot use any flow', {
    rule: 'app-is-note',
    client_id: app.applicationUri,
    cause: `ClientType is ${app.clientType}`,
    expected: 'ClientType Confidential or Public',
  })
}

function requireRegisteredMethod(claim: Claim): void {
  const { app, credentials } = claim
  if (app?.clientType === 'Public' && credentials.method !== 'none') {
    const sent =
      credentials.assertion === undefined
        ? 'has no secret, but one was sent'
        : 'proves nothing, but an assertion was sent'
    throw refuse(claim, 'secret-sent-by-public-app', `a Public app ${sent}`)
  }
  if (!app || app.clientType === 'Public' || usesRegisteredMethod(credentials, app)) return
  throw refuse(claim, 'auth-method-unregistered', 'the app does not authenticate in the way its record says', {
    sent: credentials.method,
    expected: app.tokenEndpointAuthMethod,
  })
}

/** Where nothing was sent, the next check says so. */
const usesRegisteredMethod = (
  { method }: ClientCredentials,
  { tokenEndpointAuthMethod: registered }: TrustedApplication,
) =>
  method === 'none' ||
  method === registered ||
  (registered === 'client_secret' && ['client_secret_basic', 'client_secret_post'].includes(method))

/** Whether assertions are how the app proves itself. */
export const assertsItself = ({ clientType, tokenEndpointAuthMethod: method }: TrustedApplication): boolean =>
  clientType === 'Confidential' && (method === 'private_key_jwt' || method === 'client_secret_jwt')

function requireProof(claim: Claim): void {
  const { app, credentials, secret, assertion } = claim
  // Whatever else the record says, also where it is damaged, there must be proof.
  if (!app || app.clientType === 'Public') return
  if (assertsItself(app)) {
    if (assertion === undefined)
      throw refuse(claim, 'assertion-missing', 'the app must send an assertion, but sent nothing')
    if ('rule' in assertion) throw refuse(claim, assertion.rule, assertion.cause)
    return
  }
  if (secret) return
  if (credentials.secret === undefined) throw refuse(claim, 'secret-missing', 'a Confidential app must send its secret')
  throw whyNotTheSecret(claim, app)
}

function whyNotTheSecret(claim: Claim, { secrets }: TrustedApplication): Refused {
  const { expired, now } = claim
  if (secrets.length === 0) return refuse(claim, 'secret-not-registered', 'the app has no secret')
  if (expired?.expiresAt !== undefined) {
    const ended = isoTime(expired.expiresAt)
    return refuse(claim, 'secret-expired', `the secret is a former one, which expired at ${ended}`, {
      expiresAt: expired.expiresAt,
    })
  }
  const live = secrets.filter((known) => isValidSecret(known, now)).length
  const cause = `the secret is wrong: it is not ${secrets.length === 1 ? 'the one' : `one of the ${secrets.length}`} of the app`
  return refuse(claim, 'secret-wrong', live === 0 ? `${cause}, and none of those is still valid` : cause)
}
