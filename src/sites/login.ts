import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AuthorizeFlow } from '../authorize/flow.ts'
import type { Ticket } from '../authorize/tickets.ts'
import { displayOf, reachOf } from '../domain/app-display.ts'
import type { Audit } from '../domain/audit.ts'
import { OAuthError, type OperatorDetail } from '../domain/errors.ts'
import { destinationOf } from '../domain/redirect-uri.ts'
import type { Cookies } from '../http/cookies.ts'
import { csrfToken, requireCsrf, requireOwnPage } from '../http/csrf.ts'
import { queryForm, submittedForm } from '../http/form-body.ts'
import type { RenderPage } from '../http/pages.ts'
import type { Refuse } from '../http/refusals.ts'
import { PasswordQueueFull } from '../lib/passwords.ts'
import { digest } from '../lib/secrets.ts'
import type { SignInSessionsService } from '../sessions/sign-in-sessions.ts'
import type { CheckPassword, SignInResult } from '../sign-in/password.ts'

interface Dependencies {
  readonly flow: AuthorizeFlow
  readonly cookies: Cookies
  readonly renderPage: RenderPage
  readonly checkPassword: CheckPassword
  readonly sessions: SignInSessionsService
  readonly audit: Audit
  readonly refuse: Refuse
  readonly browserStateOf: (sid: string) => string
  readonly issuer: string
}

/** Why the form is shown again, as the protocol's error; the page has words of its own for people. */
const PROBLEMS = {
  wrong_credentials: (why: OperatorDetail) =>
    new OAuthError('access_denied', 'the login or the password is wrong', why, { status: 401 }),
  missing: (why: OperatorDetail) =>
    new OAuthError('invalid_request', 'the login or the password is missing', {
      ...why,
      rule: 'sign-in-incomplete',
      cause: 'the form was sent without a login or without a password',
    }),
  busy: (why: OperatorDetail) =>
    new OAuthError('temporarily_unavailable', 'too many people are signing in right now', {
      ...why,
      rule: 'server-busy',
      cause: 'the queue of passwords to check is full',
    }),
} as const
type Problem = keyof typeof PROBLEMS

/** The page where a person signs in. */
export async function loginSite(app: FastifyInstance, dependencies: Dependencies): Promise<void> {
  const { flow, cookies, renderPage, checkPassword, sessions, audit, refuse, browserStateOf, issuer } = dependencies
  const config = { page: true } as const
  const formPurpose = (ticket: Ticket): string => `login:${ticket.id}`

  function openTicket(request: FastifyRequest): Ticket {
    const browser = cookies.browser(request)
    return flow.tickets.open(queryForm(request).require('interaction'), browser && digest(browser))
  }

  async function show(
    request: FastifyRequest,
    reply: FastifyReply,
    ticket: Ticket,
    username: string,
    problem?: { readonly name: Problem; readonly why?: OperatorDetail },
  ) {
    const form = flow.formOf(ticket)
    const { app: client, redirectUri } = await flow.findRedirect({ form })
    const error = problem && PROBLEMS[problem.name]({ client_id: client.applicationUri, ...problem.why })
    const csrf = csrfToken(cookies.ensureBrowser(request, reply), formPurpose(ticket))
    return renderPage(request, reply, {
      template: 'login',
      status: error?.status ?? 200,
      uiLocales: form.get('ui_locales'),
      ...reachOf(client, redirectUri),
      data: () => ({
        app: displayOf(client),
        action: `${issuer}/login?interaction=${flow.tickets.seal(ticket)}`,
        csrf,
        username,
        problem: problem?.name,
        refusalId: error && refuse(request, error),
        returnHost: destinationOf(redirectUri),
      }),
    })
  }

  app.get('/login', { config }, async (request, reply) => {
    const ticket = openTicket(request)
    const live = await sessions.find(cookies.session(request))
    return show(request, reply, ticket, flow.formOf(ticket).get('login_hint') ?? live?.user.login ?? '')
  })

  app.post('/login', { config }, async (request, reply) => {
    requireOwnPage(request, issuer)
    const ticket = openTicket(request)
    const form = submittedForm(request)
    requireCsrf(form, cookies.browser(request), formPurpose(ticket))
    const [username, password] = [form.get('username') ?? '', form.get('password') ?? '']
    if (username === '' || password === '') return show(request, reply, ticket, username, { name: 'missing' })
    const through = { app: flow.formOf(ticket).require('client_id'), address: request.ip }
    const result = await checkUnlessBusy(username, password)
    if (result === 'busy') return show(request, reply.header('retry-after', '2'), ticket, username, { name: 'busy' })
    if (!result.user) {
      const { rule, cause, userId } = result
      audit({
        event: 'sign_in_failed',
        actor: 'nobody',
        ...through,
        detail: { cause },
        ...(userId ? { user: userId } : {}),
      })
      return show(request, reply, ticket, username, { name: 'wrong_credentials', why: { rule, cause, user: userId } })
    }
    const { cookie, facts } = await sessions.start(result.user, cookies.session(request))
    audit({ event: 'sign_in', ...through, user: result.user.id, detail: { session: facts.sid, amr: facts.amr } })
    cookies.setSession(reply, cookie)
    cookies.showState(request, reply, browserStateOf(facts.sid))
    const next = flow.tickets.seal({ ...ticket, signedIn: { sid: facts.sid, authTime: facts.authTime } })
    return reply.redirect(`${issuer}/connect/authorize/continue?interaction=${next}`, 303)
  })

  async function checkUnlessBusy(username: string, password: string): Promise<SignInResult | 'busy'> {
    try {
      return await checkPassword(username, password)
    } catch (error) {
      if (error instanceof PasswordQueueFull) return 'busy'
      throw error
    }
  }
}
