import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccessToken } from './access-token.ts'
import { ServerTrouble } from './call-server.ts'
import type { createChallenge } from './challenge.ts'
import { readNeed } from './need.ts'
import type { Settings } from './options.ts'
import { readToken } from './read-token.ts'
import { type Refusal, Refused } from './refused.ts'
import type { Sessions } from './sessions.ts'
import { keyOf, type VerifyToken } from './verify-token.ts'

interface Dependencies extends Pick<Settings, 'requireScope'> {
  readonly verifyToken: VerifyToken
  readonly sessions: Pick<Sessions, 'use'> | undefined
  readonly challenge: ReturnType<typeof createChallenge>
  /** Told what the token of a request that goes on says. */
  readonly admit: (request: FastifyRequest, token: AccessToken) => void
}

const NO_TOKEN: Refusal = {
  status: 401,
  error: 'unauthorized',
  description: 'an access token is required: Authorization: Bearer <token>',
}

/** That the server is away says nothing about the token, so a client must keep it. */
const AWAY: Refusal = {
  status: 503,
  error: 'temporarily_unavailable',
  description: 'access tokens cannot be checked at the moment',
  retryAfter: 5,
}

/** Lets a request in only with a good token that carries what its route asks for. @see RFC 6750 §3 */
export function createGuard({ verifyToken, sessions, challenge, admit, requireScope }: Dependencies) {
  async function authorize(request: FastifyRequest, needed: readonly string[]): Promise<AccessToken> {
    const value = readToken(request)
    if (value === undefined) throw new Refused(NO_TOKEN)
    const token = await verifyToken(value)
    refuseMissing(needed, token.scope)
    // Last, so that nothing that is refused occupies a licence slot.
    const sessionId = await sessions?.use(keyOf(value), value)
    return { ...token, sessionId }
  }

  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    // There is nothing behind it to guard.
    if (request.is404) return undefined
    const needed = readNeed(request.routeOptions.config, { requireScope })
    if (needed === undefined) return undefined
    try {
      admit(request, await authorize(request, needed))
      return undefined
    } catch (error) {
      return challenge(request, reply, refusalFor(request, error))
    }
  }
}

function refuseMissing(needed: readonly string[], scope: readonly string[]): void {
  const missing = needed.filter((name) => !scope.includes(name))
  if (missing.length === 0) return
  const description = `the access token lacks the scope ${missing.join(' ')}`
  throw new Refused({ status: 403, error: 'insufficient_scope', description, missing })
}

function refusalFor(request: FastifyRequest, error: unknown): Refusal {
  if (error instanceof Refused) {
    const { status, error: code, description, refusalId } = error.refusal
    request.log.info({ status, error: code, refusal: refusalId }, `request refused: ${description}`)
    return error.refusal
  }
  if (!(error instanceof ServerTrouble)) throw error
  request.log.error({ err: error }, 'access tokens cannot be checked')
  return AWAY
}
