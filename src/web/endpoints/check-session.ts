import type { FastifyInstance } from 'fastify'
import type { RenderPage } from '../kit/answers/pages.ts'
import type { Cookies } from '../kit/requests/cookies.ts'

interface Dependencies {
  readonly renderPage: RenderPage
  readonly cookies: Pick<Cookies, 'stateName'>
}

/** The page in an app's frame that tells it whether the sign-in is still the same. @see OIDC Session Management §3.2 */
export async function checkSessionEndpoint(
  server: FastifyInstance,
  { renderPage, cookies }: Dependencies,
): Promise<void> {
  const config = { page: true, public: true, framable: true } as const
  server.get('/connect/checksession', { config }, (request, reply) =>
    renderPage(request, reply, {
      template: 'check-session',
      ownScript: true,
      data: () => ({ cookie: cookies.stateName }),
    }),
  )
}
