import type { FastifyInstance, FastifyRequest } from 'fastify'
import { digest } from '../../../lib/crypto/secrets.ts'
import type { AuthorizeFlow } from '../../../oauth/authorize/flow.ts'
import type { SignInSessionsService } from '../../../sign-in/session/sign-in-sessions.ts'
import type { Refuse } from '../../kit/answers/refusals.ts'
import type { SendAnswer } from '../../kit/answers/send-answer.ts'
import type { RateLimits } from '../../kit/limits/rate-limits.ts'
import type { Cookies } from '../../kit/requests/cookies.ts'
import { bodyForm, queryForm } from '../../kit/requests/form-body.ts'
import { createRequireCookie } from '../../kit/requests/require-cookie.ts'
import { createAuthorizeErrors } from './authorize-errors.ts'
import { createProceed } from './proceed.ts'

interface Dependencies {
  readonly flow: AuthorizeFlow
  readonly cookies: Pick<Cookies, 'browser' | 'bringsBrowser' | 'ensureBrowser' | 'session' | 'showState'>
  readonly refuse: Refuse
  readonly sendAnswer: SendAnswer
  readonly browserStateOf: (sid: string) => string
  readonly issuer: string
  readonly limits: Pick<RateLimits, 'authorize'>
  readonly sessions: Pick<SignInSessionsService, 'find'>
}

/** The authorization endpoint. @see RFC 6749 §3.1, OIDC Core §3.1.2 */
export async function authorizeEndpoint(server: FastifyInstance, dependencies: Dependencies): Promise<void> {
  const { flow, cookies, limits, sessions } = dependencies
  const errors = createAuthorizeErrors(dependencies)
  const proceed = createProceed(dependencies, errors)
  const config = { page: true } as const
  const asked = {
    config,
    preHandler: (request: FastifyRequest): Promise<void> =>
      limits.authorize(request, async () => (await sessions.find(cookies.session(request)))?.session.sid),
  }

  server.get('/connect/authorize', asked, async (request, reply) =>
    proceed(request, reply, await flow.readEffective(queryForm(request))),
  )

  // A cross-site POST carries no session cookie; the redirect to a GET of our own does.
  server.post('/connect/authorize', asked, async (request, reply) =>
    proceed(request, reply, await flow.readEffective(bodyForm(request))),
  )

  const requireCookie = createRequireCookie({ ...dependencies, interactions: flow.interactions })

  server.get('/connect/authorize/continue', { config, preHandler: requireCookie }, (request, reply) => {
    const browser = cookies.browser(request)
    const interaction = flow.interactions.open(
      queryForm(request).require('interaction'),
      browser && digest(browser),
      'any',
    )
    if (interaction.refused) return errors.tellAfterSignIn(request, reply, interaction, interaction.refused)
    return proceed(request, reply, { form: flow.formOf(interaction) }, interaction)
  })
}
