import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AuthorizeFlow } from '../authorize/flow.ts'
import type { Redirectable } from '../authorize/request.ts'
import type { Ticket } from '../authorize/tickets.ts'
import { OAuthError } from '../domain/errors.ts'
import type { Form } from '../domain/form.ts'
import type { Cookies } from '../http/cookies.ts'
import { bodyForm, queryForm } from '../http/form-body.ts'
import type { RateLimits } from '../http/rate-limits.ts'
import type { Refuse } from '../http/refusals.ts'
import type { SendAnswer } from '../http/send-answer.ts'
import { digest } from '../lib/secrets.ts'
import type { SignInSessionsService } from '../sessions/sign-in-sessions.ts'

interface Dependencies {
  readonly flow: AuthorizeFlow
  readonly cookies: Cookies
  readonly refuse: Refuse
  readonly sendAnswer: SendAnswer
  readonly issuer: string
  readonly limits: Pick<RateLimits, 'authorize'>
  readonly sessions: Pick<SignInSessionsService, 'find'>
}

/** The authorization endpoint. @see RFC 6749 §3.1, OIDC Core §3.1.2 */
export async function authorizeEndpoint(
  app: FastifyInstance,
  { flow, cookies, refuse, sendAnswer, issuer, limits, sessions }: Dependencies,
): Promise<void> {
  const config = { page: true } as const

  /** Sign in, consent or answer, whichever is next; until the redirect URI holds, a refusal is a page. */
  async function proceed(
    request: FastifyRequest,
    reply: FastifyReply,
    form: Form,
    begun?: Ticket,
  ): Promise<FastifyReply> {
    const redirectable = await flow.findRedirect(form)
    try {
      const valid = await flow.validate(form, redirectable)
      const ticket = begun ?? flow.tickets.start(form)
      if (request.method === 'POST')
        return reply.redirect(`${issuer}/connect/authorize/continue?${sealed(ticket)}`, 303)
      const step = await flow.decide(valid, ticket, cookies.session(request))
      if (step.kind === 'ready') {
        const parameters = await flow.issueAnswer({
          request: valid,
          signedIn: step.signedIn,
          interaction: ticket.id,
          address: request.ip,
        })
        return sendAnswer(request, reply, flow.answer(valid, parameters))
      }
      const browser = digest(cookies.ensureBrowser(request, reply))
      return reply.redirect(
        `${issuer}/${step.kind === 'sign-in' ? 'login' : 'consent'}?${sealed({ ...ticket, browser })}`,
        303,
      )
    } catch (error) {
      return redirectError(request, reply, redirectable, error)
    }
  }

  function redirectError(request: FastifyRequest, reply: FastifyReply, to: Redirectable, error: unknown): FastifyReply {
    if (!(error instanceof OAuthError) || error.code === 'interaction_expired') throw error
    return sendAnswer(request, reply, flow.errorAnswer(to, error, refuse(request, error, to.app.applicationUri)))
  }

  const sealed = (ticket: Ticket): string => `interaction=${flow.tickets.seal(ticket)}`

  const asked = {
    config,
    preHandler: (request: FastifyRequest): Promise<void> =>
      limits.authorize(request, async () => (await sessions.find(cookies.session(request)))?.session.sid),
  }

  app.get('/connect/authorize', asked, (request, reply) => proceed(request, reply, queryForm(request)))

  // A cross-site POST carries no session cookie; the redirect to a GET of our own does.
  app.post('/connect/authorize', asked, (request, reply) => proceed(request, reply, bodyForm(request)))

  app.get('/connect/authorize/continue', { config }, (request, reply) => {
    const browser = cookies.browser(request)
    const ticket = flow.tickets.open(queryForm(request).require('interaction'), browser && digest(browser), 'any')
    return proceed(request, reply, flow.formOf(ticket), ticket)
  })
}
