import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { OpenApiSessions } from '../../api-sessions/open-api-session.ts'
import { requireConfidential } from '../../domain/access/authenticated-app.ts'
import { refuseRepeated } from '../../domain/protocol/form.ts'
import type { AtMost } from '../../lib/flow/at-most.ts'
import type { AuthenticateApp } from '../../oauth/client-auth/authenticate.ts'
import type { FindApiToken } from '../../oauth/tokens/lookup/find-api-token.ts'
import { LONGEST_ASSERTING_BODY } from '../kit/limits/limits.ts'
import { authorizationHeader } from '../kit/requests/authorization-header.ts'
import { bodyForm } from '../kit/requests/form-body.ts'

const SessionSchema = Type.Object({
  session_id: Type.String(),
  expires_in: Type.Integer({ description: 'seconds until the session ends, unless it is used again' }),
  subject: Type.String({ description: 'the sub of the token' }),
})

interface Dependencies {
  readonly authenticateApp: AuthenticateApp
  readonly findApiToken: FindApiToken
  readonly openApiSession: OpenApiSessions
  /** A crowd of first calls must not keep one another from the database for so long that it counts as unreachable. */
  readonly inLine: AtMost
}

/** An API reports that it is called with a token, and learns whether there is a licence slot for it. */
export async function sessionEndpoint(
  server: FastifyInstance,
  { authenticateApp, findApiToken, openApiSession, inLine }: Dependencies,
): Promise<void> {
  server.post(
    '/connect/session',
    {
      bodyLimit: LONGEST_ASSERTING_BODY,
      config: { provesApps: true, serversOfApis: true },
      schema: { response: { 200: SessionSchema } },
    },
    async (request) => {
      const form = refuseRepeated(bodyForm(request))
      // An app whose keys are fetched slowly must not stand in the way of the others.
      const app = await authenticateApp(authorizationHeader(request), form, request.ip, '/connect/session')
      const caller = requireConfidential(app, 'ask about API sessions')
      return inLine(async () => {
        const token = await findApiToken(form.require('token'), caller)
        const { id, expiresIn } = await openApiSession(token)
        return { session_id: id, expires_in: expiresIn, subject: token.claims.sub }
      })
    },
  )
}
