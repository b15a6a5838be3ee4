import { ASSERTION_ALGORITHMS } from '../../domain/apps/app-choices.ts'
import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { countsUntil, EARLY, isTime, type TimeFault, whyOutOfTime } from '../../domain/protocol/app-jwt-times.ts'
import { readCompactJws } from '../../lib/crypto/compact-jws.ts'
import { type Clock, isoTime, MINUTE, SECOND } from '../../lib/time/clock.ts'
import { type ClientCredentials, LONGEST_ASSERTION } from './credentials.ts'
import { type AppJwtFault, type Signed, type VerifySignature, whyBadHeader } from './verify-signature.ts'

/** An assertion that counts, and what must be remembered of it. */
export interface ProvedAssertion extends Signed {
  readonly jti: string
  /** Milliseconds since 1970 until which it would count again. */
  readonly countsUntil: number
}

export type AssertionVerdict = ProvedAssertion | AppJwtFault

const LONGEST_LIFE = 5 * MINUTE

type Claims = Readonly<Record<string, unknown>>

interface Asserted {
  readonly claims: Claims
  readonly app: TrustedApplication
  /** Names of this server at the endpoint that was called. */
  readonly audiences: readonly string[]
  readonly issuer: string
  readonly now: number
}

interface Dependencies {
  readonly verifySignature: VerifySignature
  readonly issuer: string
  readonly clock: Clock
}

export type VerifyAssertion = ReturnType<typeof createVerifyAssertion>

/** Verifies what an app asserts of itself; the signature comes last, for it costs most. @see RFC 7523 §3, OIDC Core §9 */
export function createVerifyAssertion({ verifySignature, issuer, clock }: Dependencies) {
  const server = [issuer, `${issuer}/connect/token`]

  /** @param path of the endpoint that was called, below the issuer */
  return async function verifyAssertion(
    { assertion = '', method }: ClientCredentials,
    app: TrustedApplication,
    path: string,
  ): Promise<AssertionVerdict> {
    const jws = readCompactJws(assertion, LONGEST_ASSERTION)
    if (!jws)
      return {
        rule: 'app-jwt-malformed',
        cause: `client_assertion is not a signed JWT in compact form of at most ${LONGEST_ASSERTION} characters`,
      }
    const { header, payload: claims } = jws
    const algorithms = algorithmsOf(app, method)
    const asserted = { claims, app, issuer, audiences: [...server, issuer + path], now: clock() }
    const fault =
      whyBadHeader(header, { algorithms, types: ['client-authentication+jwt'] }) ??
      CLAIM_CHECKS.map((why) => why(asserted)).find((found) => found !== undefined)
    if (fault) return fault
    const signed = await verifySignature(assertion, header, app)
    if ('rule' in signed) return signed
    return { ...signed, jti: String(claims['jti']), countsUntil: countsUntil(Number(claims['exp'])) }
  }
}

/** What fits the method of the app, or the one its record names. */
function algorithmsOf({ tokenEndpointAuthSigningAlg: only }: TrustedApplication, method: string): readonly string[] {
  const fitting = ASSERTION_ALGORITHMS.filter((alg) => (alg === 'HS256') === (method === 'client_secret_jwt'))
  return only === undefined ? fitting : fitting.filter((alg) => alg === only)
}

/** From who speaks, and to whom, to when. */
const CLAIM_CHECKS: readonly ((asserted: Asserted) => AppJwtFault | undefined)[] = [
  whyNotByApp,
  whyNotForUs,
  whyNotNow,
  whyWithoutId,
]

function whyNotByApp({ claims: { iss, sub }, app: { applicationUri } }: Asserted): AppJwtFault | undefined {
  if (iss === applicationUri && sub === applicationUri) return undefined
  return { rule: 'assertion-of-another-app', cause: 'iss and sub are not both the client_id of the app' }
}

/** Whoever is named beside this server could present the assertion here. */
function whyNotForUs({ claims: { aud }, app, audiences, issuer }: Asserted): AppJwtFault | undefined {
  const strict = app.clientAssertionAudience !== 'lenient'
  const named: unknown[] = Array.isArray(aud) && !strict ? aud : [aud]
  const ours: readonly unknown[] = strict ? [issuer] : audiences
  if (named.length > 0 && named.every((one) => ours.includes(one))) return undefined
  const expected = strict ? `${issuer} as a text, and nothing else` : `${issuer}, or the address of the endpoint`
  return { rule: 'assertion-for-another-audience', cause: `aud is not this server; expected ${expected}` }
}

function whyNotNow({ claims, now }: Asserted): AppJwtFault | undefined {
  const { exp, iat } = claims
  if (!isTime(exp)) return { rule: 'assertion-expired', cause: 'exp is missing, or is not a number of seconds' }
  const end = exp * SECOND
  const fault = whyOutOfTime(claims, now)
  if (fault) return timeFault(fault, end)
  const begun = Math.max(now, isTime(iat) ? iat * SECOND : 0)
  if (end <= begun + LONGEST_LIFE) return undefined
  return { rule: 'assertion-lives-too-long', cause: `exp is more than ${LONGEST_LIFE / MINUTE} minutes ahead` }
}

/** @param end milliseconds since 1970 */
function timeFault({ claim, is }: TimeFault, end: number): AppJwtFault {
  if (is === 'over') return { rule: 'assertion-expired', cause: `the assertion has expired at ${isoTime(end)}` }
  const why = is === 'ahead' ? `more than ${EARLY / SECOND} s in the future` : 'not a number of seconds'
  return { rule: 'assertion-not-yet-valid', cause: `${claim} is ${why}` }
}

function whyWithoutId({ claims: { jti } }: Asserted): AppJwtFault | undefined {
  if (typeof jti === 'string' && jti !== '') return undefined
  return {
    rule: 'assertion-without-id',
    cause: 'jti is missing; it identifies the assertion, which is valid only once',
  }
}
