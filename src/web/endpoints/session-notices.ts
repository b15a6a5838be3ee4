import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { type AuthenticatedApp, requireConfidential } from '../../domain/access/authenticated-app.ts'
import type { ReadCatalogue } from '../../domain/access/resource-indicators.ts'
import { refuseRepeated } from '../../domain/protocol/form.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { SECOND } from '../../lib/time/clock.ts'
import type { AuthenticateApp } from '../../oauth/client-auth/authenticate.ts'
import type { ReadNotices } from '../../oauth/tokens/lookup/read-notices.ts'
import { LONGEST_ASSERTING_BODY } from '../kit/limits/limits.ts'
import { authorizationHeader } from '../kit/requests/authorization-header.ts'
import { bodyForm } from '../kit/requests/form-body.ts'

const NoticesSchema = Type.Object({
  notices: Type.Array(
    Type.Object({
      id: Type.String(),
      client_id: Type.Optional(Type.String({ description: 'only tokens issued to this app' })),
      user_id: Type.Optional(Type.String({ description: 'only tokens that act as this user' })),
      at: Type.Integer({ description: 'seconds since 1970; only tokens issued up to this time' }),
    }),
  ),
  next: Type.String({ description: 'the value to send as since' }),
  more: Type.Boolean({ description: 'whether more notices are waiting: ask again at once' }),
})

interface Dependencies {
  readonly authenticateApp: AuthenticateApp
  readonly readCatalogue: ReadCatalogue
  readonly readNotices: ReadNotices
}

/** Tells APIs which tokens they must ask about again, for these may have ended before they expire. */
export async function sessionNoticesEndpoint(
  server: FastifyInstance,
  { authenticateApp, readCatalogue, readNotices }: Dependencies,
): Promise<void> {
  async function requireServer(caller: AuthenticatedApp): Promise<void> {
    const { applicationUri } = requireConfidential(caller, 'read notices about tokens')
    const { resources } = await readCatalogue()
    if (resources.some(({ resourceServers }) => resourceServers.includes(applicationUri))) return
    throw new Refused(
      'unauthorized_client',
      'only an app that serves an API may read notices about tokens',
      { rule: 'app-serves-no-api', client_id: applicationUri, cause: 'no API resource names the app as its server' },
      { status: 403 },
    )
  }

  server.post(
    '/connect/session/notices',
    {
      bodyLimit: LONGEST_ASSERTING_BODY,
      config: { provesApps: true, serversOfApis: true },
      schema: { response: { 200: NoticesSchema } },
    },
    async (request) => {
      const form = refuseRepeated(bodyForm(request))
      await requireServer(
        await authenticateApp(authorizationHeader(request), form, request.ip, '/connect/session/notices'),
      )
      const { notices, next, more } = await readNotices(form.get('since'))
      return {
        notices: notices.map(({ id, app: client_id, user: user_id, at }) => ({
          id,
          ...(client_id === undefined ? {} : { client_id }),
          ...(user_id === undefined ? {} : { user_id }),
          // Tokens tell their time in whole seconds.
          at: Math.ceil(at / SECOND),
        })),
        next,
        more,
      }
    },
  )
}
