import type { FastifyRequest } from 'fastify'
import type { Form } from '../../../domain/protocol/form.ts'
import { Refused } from '../../../domain/refusals/errors.ts'
import { authorizationHeader } from './authorization-header.ts'

const BEARER_SCHEME = /^Bearer(\s|$)/i

/**
 * Reads the access token of a request: from the header, or from the body of a POST, never from the URL.
 * @throws Refused `invalid_request` for two tokens at once or a malformed header
 * @see RFC 6750 §2
 */
export function readBearerToken(request: FastifyRequest, body: Form | undefined): string | undefined {
  const query = request.query as Record<string, unknown>
  if (query['access_token'] !== undefined) {
    throw new Refused(
      'invalid_request',
      'an access token never belongs in the URL; send it in the Authorization header',
      { rule: 'access-token-in-url', cause: 'the query contains access_token, and logs and histories keep URLs' },
    )
  }
  const inBody = body?.get('access_token')
  const authorization = authorizationHeader(request)
  if (authorization === undefined) return inBody
  if (inBody !== undefined)
    throw new Refused('invalid_request', 'the access token was sent twice: use either the header or the body', {
      rule: 'access-token-sent-twice',
      cause: 'both the Authorization header and the body contain a token',
    })
  if (!BEARER_SCHEME.test(authorization)) return undefined
  const token = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization)?.[1]
  if (token === undefined)
    throw new Refused('invalid_request', 'the Authorization header does not contain exactly one Bearer token', {
      rule: 'bearer-header-malformed',
      cause: 'the word Bearer is followed by no token, by several, or by characters that tokens cannot contain',
    })
  return token
}

const BEARER_ERRORS: readonly string[] = ['invalid_request', 'invalid_token', 'insufficient_scope']

/**
 * The challenge of an endpoint that wants a Bearer token. A request that tried none, or another scheme, is told this one and nothing else.
 * @see RFC 6750 §3, §3.1
 */
export function bearerChallenge(request: FastifyRequest, { code, description }: Refused): string | undefined {
  if (!BEARER_ERRORS.includes(code)) return undefined
  const body = request.body as Readonly<Record<string, unknown>> | undefined
  const tried = BEARER_SCHEME.test(request.headers.authorization ?? '') || body?.['access_token'] !== undefined
  if (code === 'invalid_token' && !tried) return 'Bearer realm="tessera"'
  return `Bearer realm="tessera", error="${code}", error_description="${description}"`
}

/** The challenge of an API that one scope opens. @see RFC 6750 §3 */
export const challengeNaming =
  (scope: string) =>
  (request: FastifyRequest, error: Refused): string | undefined => {
    const challenge = bearerChallenge(request, error)
    return challenge && `${challenge}, scope="${scope}"`
  }
