import type { FastifyInstance } from 'fastify'
import { lettersOf } from '../../domain/protocol/redirect-uri.ts'
import type { SignInSessionsService } from '../../sign-in/session/sign-in-sessions.ts'
import type { RenderPage } from '../kit/answers/pages.ts'
import type { Cookies } from '../kit/requests/cookies.ts'

interface Dependencies {
  readonly renderPage: RenderPage
  readonly sessions: Pick<SignInSessionsService, 'findUnended'>
  readonly cookies: Pick<Cookies, 'session'>
  readonly issuer: string
  /** Path of the list of the instance's sites. */
  readonly autoDiscovery: string
}

/** The page of whoever types the address of the server: what it is, and the way on. It asks nobody who they are. */
export async function landingSite(
  server: FastifyInstance,
  { renderPage, sessions, cookies, issuer, autoDiscovery }: Dependencies,
): Promise<void> {
  const { origin, hostname, pathname } = new URL(issuer)
  const base = pathname.replace(/\/$/, '')
  for (const path of new Set(['/', base, `${base}/`].filter((one) => one !== '')))
    server.get(path, { config: { page: true } }, async (request, reply) => {
      // Without the database it says what it is all the same.
      const live = await sessions.findUnended(cookies.session(request)).catch(() => undefined)
      return renderPage(request, reply, {
        template: 'landing',
        data: () => ({
          isHere: live !== undefined,
          // Who was here before a session ran out is nobody's business.
          user: live?.isOver ? undefined : live?.user,
          issuer,
          letters: lettersOf(hostname),
          discovery: `${issuer}/.well-known/openid-configuration`,
          sites: `${origin}${autoDiscovery}`,
          signOut: `${issuer}/connect/endsession`,
        }),
      })
    })
}
