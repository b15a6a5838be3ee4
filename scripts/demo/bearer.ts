import type { FastifyReply, FastifyRequest } from 'fastify'
import type { JWTPayload } from 'jose'
import { hasScope, TokenRefused, type VerifyAccessToken } from './access-tokens.ts'
import { reasonOf } from './problem.ts'

interface Challenge {
  readonly status: 401 | 403
  readonly error?: string
  readonly error_description?: string
  readonly scope?: string
}

/** An API's answer to a failed request, in OData's form. */
export const odataError = (code: string, message: string): object => ({ error: { code, message } })

// What RFC 6750 §3 allows in error_description.
const plain = (text: string): string => text.replaceAll('"', "'").replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, '?')

/** Answers with the reason in a header, as OAuth clients expect it, and in a body for people. @see RFC 6750 §3 */
function challenge(reply: FastifyReply, { status, ...attributes }: Challenge): FastifyReply {
  const named = Object.entries({ realm: 'Demo API', ...attributes }).map(([name, value]) => `${name}="${plain(value)}"`)
  const { error = 'unauthorized', error_description = 'an access token is needed: Authorization: Bearer <token>' } =
    attributes
  return reply
    .code(status)
    .header('www-authenticate', `Bearer ${named.join(', ')}`)
    .send(odataError(error, error_description))
}

/** @see RFC 6750 §2.1 */
const tokenOf = ({ headers }: FastifyRequest): string | undefined =>
  /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(headers.authorization ?? '')?.[1]

async function claimsOf(
  request: FastifyRequest,
  reply: FastifyReply,
  verify: VerifyAccessToken,
): Promise<JWTPayload | undefined> {
  const token = tokenOf(request)
  if (token === undefined) {
    // A request without a token is told only that one is needed. RFC 6750 §3.1
    challenge(reply, { status: 401 })
    return undefined
  }
  try {
    return await verify(token)
  } catch (error) {
    if (error instanceof TokenRefused) {
      challenge(reply, { status: 401, error: 'invalid_token', error_description: error.message })
    } else {
      reply.code(503).send(odataError('keys_unavailable', `tokens cannot be checked now: ${reasonOf(error)}`))
    }
    return undefined
  }
}

/** Makes the pre-handler that lets a request in only with an access token that carries this scope. */
export const requireScope =
  (scope: string, verify: VerifyAccessToken) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const claims = await claimsOf(request, reply, verify)
    if (claims === undefined || hasScope(claims, scope)) return claims === undefined ? reply : undefined
    const error_description = `the access token lacks the scope ${scope}`
    return challenge(reply, { status: 403, error: 'insufficient_scope', error_description, scope })
  }
