import type { FastifyInstance } from 'fastify'
import { refuseRepeated } from '../../domain/protocol/form.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import type { AuthenticateApp } from '../../oauth/client-auth/authenticate.ts'
import type { RevokeToken } from '../../oauth/tokens/lookup/revoke-token.ts'
import { LONGEST_ASSERTING_BODY } from '../kit/limits/limits.ts'
import type { RateLimits } from '../kit/limits/rate-limits.ts'
import { authorizationHeader } from '../kit/requests/authorization-header.ts'
import { bodyForm } from '../kit/requests/form-body.ts'

interface Dependencies {
  readonly authenticateApp: AuthenticateApp
  readonly revokeToken: RevokeToken
  readonly limits: Pick<RateLimits, 'token'>
}

/** Token revocation; a token that is unknown or dead already is answered like one revoked now. @see RFC 7009 §2 */
export async function revokeEndpoint(
  server: FastifyInstance,
  { authenticateApp, revokeToken, limits }: Dependencies,
): Promise<void> {
  const options = { bodyLimit: LONGEST_ASSERTING_BODY, config: { provesApps: true } } as const
  server.post('/connect/revocation', options, async (request, reply) => {
    const form = refuseRepeated(bodyForm(request))
    const caller = await authenticateApp(authorizationHeader(request), form, request.ip, '/connect/revocation')
    await limits.token(request, caller.applicationUri)
    const outcome = await revokeToken(form.require('token'), caller.applicationUri, request.ip)
    if (outcome === 'of another app') {
      throw new Refused('invalid_grant', 'the token was issued to another app', {
        rule: 'token-of-another-app',
        client_id: caller.applicationUri,
        cause: `${caller.applicationUri} sent a token that was issued to another app`,
      })
    }
    // Nothing is to be read in it, but clients that expect JSON of every answer choke on an empty one.
    return reply.send({})
  })
}
