import type { FastifyInstance } from 'fastify'
import type { RenderPage } from '../kit/answers/pages.ts'

interface Dependencies {
  readonly renderPage: RenderPage
  readonly issuer: string
  /** Path of the list of the instance's sites. */
  readonly autoDiscovery: string
}

/** The page of whoever types the address of the server: what it is, and the way on. It asks nobody who they are. */
export async function landingSite(
  server: FastifyInstance,
  { renderPage, issuer, autoDiscovery }: Dependencies,
): Promise<void> {
  const { origin, pathname } = new URL(issuer)
  const base = pathname.replace(/\/$/, '')
  for (const path of new Set(['/', base, `${base}/`].filter((one) => one !== '')))
    server.get(path, { config: { page: true } }, (request, reply) =>
      renderPage(request, reply, {
        template: 'landing',
        data: () => ({
          issuer,
          discovery: `${issuer}/.well-known/openid-configuration`,
          sites: `${origin}${autoDiscovery}`,
          signOut: `${issuer}/connect/endsession`,
        }),
      }),
    )
}
