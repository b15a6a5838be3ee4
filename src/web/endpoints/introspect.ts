import type { FastifyInstance, FastifyRequest } from 'fastify'
import { requireConfidential } from '../../domain/access/authenticated-app.ts'
import { refuseRepeated } from '../../domain/protocol/form.ts'
import type { AuthenticateApp } from '../../oauth/client-auth/authenticate.ts'
import type { Introspect } from '../../oauth/tokens/lookup/introspect.ts'
import { LONGEST_ASSERTING_BODY } from '../kit/limits/limits.ts'
import type { RateLimits } from '../kit/limits/rate-limits.ts'
import { authorizationHeader } from '../kit/requests/authorization-header.ts'
import { bodyForm } from '../kit/requests/form-body.ts'

interface Dependencies {
  readonly authenticateApp: AuthenticateApp
  readonly introspect: Introspect
  readonly limits: Pick<RateLimits, 'introspect'>
}

const SIGNED = 'application/token-introspection+jwt'

/** Who names no type, or one that there is not, gets JSON. @see RFC 9701 §4 */
const wantsSigned = (request: FastifyRequest): boolean =>
  request.accepts().type(['application/json', SIGNED]) === SIGNED

/** Token introspection: an app learns about its own tokens and those for the APIs it serves, of anything else nothing. @see RFC 7662 §2 */
export async function introspectEndpoint(
  server: FastifyInstance,
  { authenticateApp, introspect, limits }: Dependencies,
): Promise<void> {
  const options = { bodyLimit: LONGEST_ASSERTING_BODY, config: { provesApps: true, serversOfApis: true } } as const
  server.post('/connect/introspect', options, async (request, reply) => {
    const form = refuseRepeated(bodyForm(request))
    const app = await authenticateApp(authorizationHeader(request), form, request.ip, '/connect/introspect')
    await limits.introspect(request, app.applicationUri)
    const caller = requireConfidential(app, 'introspect tokens')
    const introspection = await introspect.describe(form.require('token'), caller)
    if (!wantsSigned(request)) return introspection
    return reply.type(SIGNED).send(await introspect.sign(introspection, caller))
  })
}
