import type { FastifyInstance } from 'fastify'
import type { AuthenticateApp } from '../client-auth/authenticate.ts'
import { OAuthError } from '../domain/errors.ts'
import { refuseRepeated } from '../domain/form.ts'
import { authorizationHeader } from '../http/authorization-header.ts'
import { bodyForm } from '../http/form-body.ts'
import type { RevokeToken } from '../tokens/revoke-token.ts'

interface Dependencies {
  readonly authenticateApp: AuthenticateApp
  readonly revokeToken: RevokeToken
}

/** Token revocation; a token that is unknown or dead already is answered like one revoked now. @see RFC 7009 §2 */
export async function revokeEndpoint(
  app: FastifyInstance,
  { authenticateApp, revokeToken }: Dependencies,
): Promise<void> {
  app.post('/connect/revocation', async (request, reply) => {
    const form = refuseRepeated(bodyForm(request))
    const caller = await authenticateApp(authorizationHeader(request), form, request.ip)
    const outcome = await revokeToken(form.require('token'), caller.applicationUri, request.ip)
    if (outcome === 'of another app') {
      throw new OAuthError('invalid_grant', 'the token was issued to another app', {
        rule: 'token-of-another-app',
        client_id: caller.applicationUri,
        cause: `${caller.applicationUri} sent a token that was issued to another app`,
      })
    }
    // Nothing is to be read in it, but clients that expect JSON of every answer choke on an empty one.
    return reply.send({})
  })
}
