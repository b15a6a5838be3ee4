import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refused } from '../../domain/refusals/errors.ts'
import type { AuthorizeFlow } from '../../oauth/authorize/flow.ts'
import type { Interaction } from '../../oauth/authorize/sealed-interaction.ts'
import type { SignInSessionsService } from '../../sign-in/session/sign-in-sessions.ts'
import type { Refuse } from '../kit/answers/refusals.ts'
import type { SendAnswer } from '../kit/answers/send-answer.ts'
import type { Cookies } from '../kit/requests/cookies.ts'

interface Dependencies {
  readonly flow: Pick<AuthorizeFlow, 'interactions' | 'formOf' | 'findRedirect' | 'errorAnswer'>
  readonly cookies: Pick<Cookies, 'session'>
  readonly sessions: Pick<SignInSessionsService, 'find'>
  readonly refuse: Refuse
  readonly sendAnswer: SendAnswer
  readonly issuer: string
}

/** Takes whoever does not want to prove who they are back to the app, which is told so. @see RFC 6749 §4.1.2.1 */
export const createCancelSignIn =
  ({ flow, cookies, sessions, refuse, sendAnswer, issuer }: Dependencies) =>
  async (request: FastifyRequest, reply: FastifyReply, interaction: Interaction): Promise<FastifyReply> => {
    const to = await flow.findRedirect({ form: flow.formOf(interaction) })
    const live = await sessions.find(cookies.session(request))
    // Nobody is sent to an app that nobody vouched for before they have signed in. @see RFC 9700 §4.11.2
    if (!live && to.app.selfRegistered)
      return reply.redirect(`${issuer}/login?interaction=${flow.interactions.seal(interaction)}`, 303)
    const cancelled = new Refused('access_denied', 'the person cancelled the sign-in', {
      rule: 'sign-in-cancelled',
      client_id: to.app.applicationUri,
      ...(live ? { user: live.user.id } : {}),
      cause: 'the person pressed Cancel where they were to confirm that it is them',
    })
    return sendAnswer(request, reply, flow.errorAnswer(to, cancelled, refuse(request, cancelled), live?.session.sid))
  }
