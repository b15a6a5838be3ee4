import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { Touch, TouchApiSessions } from '../../api-sessions/touch-api-sessions.ts'
import { requireConfidential } from '../../domain/access/authenticated-app.ts'
import { refuseRepeated } from '../../domain/protocol/form.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { SECOND } from '../../lib/time/clock.ts'
import type { AuthenticateApp } from '../../oauth/client-auth/authenticate.ts'
import { LONGEST_ASSERTING_BODY } from '../kit/limits/limits.ts'
import { authorizationHeader } from '../kit/requests/authorization-header.ts'
import { bodyForm } from '../kit/requests/form-body.ts'

const MOST_TOUCHES = 300

const EndedSchema = Type.Object({
  ended: Type.Array(Type.String(), { description: 'ids of sessions that have ended' }),
})

interface Dependencies {
  readonly authenticateApp: AuthenticateApp
  readonly touchApiSessions: TouchApiSessions
}

/** An API reports later, and in one go, that sessions were used. */
export async function sessionTouchesEndpoint(
  server: FastifyInstance,
  { authenticateApp, touchApiSessions }: Dependencies,
): Promise<void> {
  server.post(
    '/connect/session/touches',
    {
      bodyLimit: LONGEST_ASSERTING_BODY,
      config: { provesApps: true, serversOfApis: true },
      schema: { response: { 200: EndedSchema } },
    },
    async (request) => {
      const form = refuseRepeated(bodyForm(request))
      const app = await authenticateApp(authorizationHeader(request), form, request.ip, '/connect/session/touches')
      const caller = requireConfidential(app, 'ask about API sessions')
      return { ended: await touchApiSessions(readTouches(form.require('touches')), caller) }
    },
  )
}

/** `SESSION_ID:SECONDS_AGO`, with a space between two. */
function readTouches(text: string): Touch[] {
  const words = text.split(' ')
  if (words.length > MOST_TOUCHES)
    throw new Refused('invalid_request', `parameter has more than ${MOST_TOUCHES} values: touches`, {
      rule: 'parameter-has-too-many-values',
      parameter: 'touches',
      cause: `touches has ${words.length} values; ${MOST_TOUCHES} are allowed`,
    })
  return words.map((word, index) => {
    const [, id, ago] = /^([0-9a-f-]{1,64}):(\d{1,6})$/.exec(word) ?? []
    if (id !== undefined) return { id, ago: Number(ago) * SECOND }
    throw new Refused('invalid_request', 'touches must be a list of SESSION_ID:SECONDS_AGO, separated by spaces', {
      rule: 'request-malformed',
      parameter: 'touches',
      cause: `value ${index + 1} of touches is not the id of a session, a colon and whole seconds`,
    })
  })
}
