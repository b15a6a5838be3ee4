import type { TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import { type TimeFault, whyOutOfTime } from '../../../domain/protocol/app-jwt-times.ts'
import type { Form } from '../../../domain/protocol/form.ts'
import type { Refused } from '../../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../../domain/refusals/refusal-rule.ts'
import { KEPT_PARAMETERS } from './request.ts'

export type Claims = Readonly<Record<string, unknown>>
type Refuse = (rule: RefusalRule, cause: string) => Refused

interface Context {
  readonly app: TrustedApplication
  /** What came beside the object. */
  readonly sent: Form
  readonly issuer: string
  /** Milliseconds since 1970. */
  readonly now: number
  readonly refuse: Refuse
}

/** Who made an object, for whom and for when; what it does not say is not asked. @throws Refused @see RFC 9101 §4, §5 */
export function requireMeantForUs(claims: Claims, { app, sent, issuer, now, refuse }: Context): void {
  const { iss, aud, sub, client_id: clientId, response_type: responseType } = claims
  if (['request', 'request_uri'].some((name) => Object.hasOwn(claims, name)))
    throw refuse('request-object-nested', 'the request object contains request or request_uri')
  if (clientId !== undefined && clientId !== app.applicationUri)
    throw refuse('request-object-differs', 'client_id in the request object differs from the client_id parameter')
  const beside = sent.get('response_type')
  if (responseType !== undefined && beside !== undefined && responseType !== beside)
    throw refuse(
      'request-object-differs',
      'response_type in the request object differs from the response_type parameter',
    )
  if (iss !== undefined && iss !== app.applicationUri)
    throw refuse('request-object-for-another-audience', 'iss is not the client_id')
  if (aud !== undefined && ![aud].flat().includes(issuer))
    throw refuse('request-object-for-another-audience', `aud is not the issuer, ${issuer}`)
  // Else it would be an assertion of the app as well. RFC 9101 §10.8
  if (sub === app.applicationUri) throw refuse('request-object-for-another-audience', 'sub is the client_id')
  requireInTime(claims, now, refuse)
}

function requireInTime(claims: Claims, now: number, refuse: Refuse): void {
  const fault = whyOutOfTime(claims, now)
  if (fault) throw refuse('request-object-out-of-time', TIME_CAUSES[fault.is](fault.claim))
}

const TIME_CAUSES: Readonly<Record<TimeFault['is'], (claim: string) => string>> = {
  'no time': (claim) => `${claim} is not a number of seconds`,
  over: () => 'it has expired',
  ahead: (claim) => `${claim} is in the future`,
}

/** The parameters in an object, as they would have been sent beside it. @throws Refused @see OIDC Core §6.1 */
export const parametersIn = (claims: Claims, refuse: Refuse): Record<string, string | string[]> =>
  Object.fromEntries(
    KEPT_PARAMETERS.filter((name) => Object.hasOwn(claims, name)).map((name) => [
      name,
      asSent(name, claims[name], refuse),
    ]),
  )

function asSent(name: string, value: unknown, refuse: Refuse): string | string[] {
  if (typeof value === 'string') return value
  if (name === 'max_age' && typeof value === 'number') return String(value)
  if (name === 'claims' && typeof value === 'object' && value !== null) return JSON.stringify(value)
  if (name === 'resource' && Array.isArray(value) && value.every((one) => typeof one === 'string')) return value
  throw refuse('request-object-malformed', `${name} in the request object has a wrong type`)
}
