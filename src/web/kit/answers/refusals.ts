import type { FastifyRequest } from 'fastify'
import { longestValue } from '../../../domain/protocol/form.ts'
import type { Refused } from '../../../domain/refusals/errors.ts'
import type { Refusal } from '../../../domain/refusals/refusal.ts'
import type { RefusalRule } from '../../../domain/refusals/refusal-rule.ts'
import { readCompactJws } from '../../../lib/crypto/compact-jws.ts'
import { newShortId, type Random } from '../../../lib/crypto/secrets.ts'
import { decodeUtf8 } from '../../../lib/text/utf8.ts'
import type { Clock } from '../../../lib/time/clock.ts'

/**
 * Notes a refusal for the operator and returns the id that the client is shown.
 * @param app the `client_id` a request is about, where it does not say so itself
 */
export type Refuse = (request: FastifyRequest, error: Refused, app?: string) => string

/** Parameters an operator may see: no secret, no token, nothing about a person, nothing that is the app's own affair. */
const HARMLESS = [
  'client_id',
  'grant_type',
  'response_type',
  'response_mode',
  'redirect_uri',
  'post_logout_redirect_uri',
  'scope',
  'resource',
  'code_challenge_method',
  'prompt',
  'max_age',
  'display',
  'ui_locales',
  'acr_values',
  'token_type_hint',
]

// Whoever mixes credentials up may have put the secret where the name belongs.
const CONFUSED: readonly RefusalRule[] = [
  'credentials-swapped',
  'client-id-differs',
  'credentials-sent-twice',
  'basic-header-malformed',
  'parameter-repeated',
]

/** Keeps every refusal under an id: what the client was told, and what only the operator may know. */
export function createRefuse(refusalLog: { keep(refusal: Refusal): void }, random: Random, clock: Clock): Refuse {
  return (request, error, app) => {
    const id = newShortId(random)
    request.refusalId = id
    const { client_id: proven, rule } = error.detail
    const { client_id: named = claimedClientId(request), ...others } = harmlessParameters(request)
    const asSent = rule !== undefined && CONFUSED.includes(rule) ? undefined : named
    const parameters = asSent === undefined ? others : { client_id: asSent, ...others }
    refusalLog.keep({
      id,
      at: clock(),
      endpoint: request.routeOptions.url ?? 'unknown',
      method: request.method,
      status: error.status,
      error: error.code,
      description: error.description,
      parameters,
      detail: error.detail,
      app: typeof proven === 'string' ? proven : (app ?? asSent),
      // Of a connection that was reset before it was taken up.
      address: (request.ip as string | undefined) ?? 'unknown',
    })
    return id
  }
}

function harmlessParameters(request: FastifyRequest): Record<string, string> {
  const sent = { ...asRecord(request.query), ...asRecord(request.body) }
  const kept = HARMLESS.map((name) => [name, Object.hasOwn(sent, name) ? sent[name] : undefined] as const)
  return Object.fromEntries(
    kept
      .filter((entry): entry is readonly [string, string | string[]] => entry[1] !== undefined)
      .map(([name, value]) => [
        name,
        [value]
          .flat()
          .map((one) => shown(name, String(one)))
          .join(' | '),
      ]),
  )
}

/** What is too long for its parameter is no value of it, and tells nothing. */
const shown = (name: string, value: string): string =>
  value.length > longestValue(name) ? `(${value.length} characters)` : value

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

/** The app that a request says it is from, before anything is proved; an assertion says it where nothing else does. */
export function claimedClientId(request: FastifyRequest): string | undefined {
  const { client_id: sent, client_assertion: assertion } = asRecord(request.body)
  // An empty parameter counts as absent.
  const named = sent || (basicClientId(request) ?? asserterOf(assertion))
  return typeof named === 'string' && named !== '' ? named.slice(0, longestValue('client_id')) : undefined
}

/** @see RFC 7521 §4.2, RFC 7523 §3 */
function asserterOf(assertion: unknown): unknown {
  if (typeof assertion !== 'string') return undefined
  const { sub, iss } = readCompactJws(assertion, longestValue('client_assertion'))?.payload ?? {}
  return sub || iss
}

/** The app that a Basic header names, for an error met before it was read. */
function basicClientId(request: FastifyRequest): string | undefined {
  const encoded = /^Basic +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const pair = (encoded === undefined ? undefined : decodeUtf8(Buffer.from(encoded, 'base64'))) ?? ''
  // Without a colon it may be the secret alone.
  const name = pair.includes(':') ? pair.split(':')[0] : undefined
  try {
    return name ? decodeURIComponent(name).slice(0, 128) : undefined
  } catch {
    return undefined
  }
}
