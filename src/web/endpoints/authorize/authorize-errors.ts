import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Form } from '../../../domain/protocol/form.ts'
import type { Refused } from '../../../domain/refusals/errors.ts'
import { digest } from '../../../lib/crypto/secrets.ts'
import type { AuthorizeFlow } from '../../../oauth/authorize/flow.ts'
import type { Redirectable } from '../../../oauth/authorize/request/request.ts'
import type { Interaction, RefusedRequest } from '../../../oauth/authorize/sealed-interaction.ts'
import type { Refuse } from '../../kit/answers/refusals.ts'
import type { SendAnswer } from '../../kit/answers/send-answer.ts'
import type { Cookies } from '../../kit/requests/cookies.ts'

interface Dependencies {
  readonly flow: Pick<AuthorizeFlow, 'interactions' | 'formOf' | 'findRedirect' | 'findSid' | 'errorAnswer'>
  readonly cookies: Pick<Cookies, 'ensureBrowser' | 'session' | 'showState'>
  readonly refuse: Refuse
  readonly sendAnswer: SendAnswer
  readonly browserStateOf: (sid: string) => string
  readonly issuer: string
}

export type AuthorizeErrors = ReturnType<typeof createAuthorizeErrors>

/** How apps are told, by way of the browser, that their authorization request was refused. @see RFC 6749 §4.1.2.1 */
export function createAuthorizeErrors({ flow, cookies, refuse, sendAnswer, browserStateOf, issuer }: Dependencies) {
  function tell(
    request: FastifyRequest,
    reply: FastifyReply,
    to: Redirectable,
    refused: RefusedRequest,
    sid: string | undefined,
  ): FastifyReply {
    if (sid !== undefined) cookies.showState(request, reply, browserStateOf(sid))
    return sendAnswer(request, reply, flow.errorAnswer(to, refused, refused.id, sid))
  }

  return {
    /** Tells the app at once, or sends the person to sign in first where nobody vouched for the app. */
    async answer(
      request: FastifyRequest,
      reply: FastifyReply,
      form: Form,
      to: Redirectable,
      error: Refused,
    ): Promise<FastifyReply> {
      const { code, description } = error
      const refused = { code, description, id: refuse(request, error, to.app.applicationUri) }
      const sid = await flow.findSid(cookies.session(request))
      if (sid !== undefined || !to.app.selfRegistered || asksForSilence(form))
        return tell(request, reply, to, refused, sid)
      const sealed = flow.interactions.seal(flow.interactions.startRefused(to, refused))
      return reply.redirect(`${issuer}/connect/authorize/continue?interaction=${sealed}`, 303)
    },

    /**
     * Else whoever may register an app could send anybody anywhere with a link to this server.
     * @see RFC 9700 §4.11.2
     */
    async tellAfterSignIn(
      request: FastifyRequest,
      reply: FastifyReply,
      interaction: Interaction,
      refused: RefusedRequest,
    ): Promise<FastifyReply> {
      const to = await flow.findRedirect({ form: flow.formOf(interaction) })
      const sid = await flow.findSid(cookies.session(request))
      if (sid !== undefined) return tell(request, reply, to, refused, sid)
      const browser = digest(cookies.ensureBrowser(request, reply))
      return reply.redirect(`${issuer}/login?interaction=${flow.interactions.seal({ ...interaction, browser })}`, 303)
    },
  }
}

/**
 * An app that wants no page must hear of the error without one, whether it asks in a frame or in a window.
 * @see OIDC Core §3.1.2.1, RFC 9700 §4.11.2, which leaves this use aside
 */
const asksForSilence = (form: Form): boolean =>
  form.entries().some(([name, value]) => name === 'prompt' && value === 'none')
