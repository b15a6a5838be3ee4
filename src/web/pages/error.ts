import type { FastifyInstance } from 'fastify'
import { Refused } from '../../domain/refusals/errors.ts'
import { errorPage, type NamedApps } from '../kit/answers/error-page.ts'
import type { RenderPage } from '../kit/answers/pages.ts'
import { queryForm } from '../kit/requests/form-body.ts'

interface Dependencies {
  readonly renderPage: RenderPage
  readonly namedApps: Pick<NamedApps, 'findSealed'>
}

/** Where `error_uri` leads: tells a person the id under which the administrator finds the refusal. @see RFC 6749 §4.1.2.1 */
export async function errorSite(server: FastifyInstance, { renderPage, namedApps }: Dependencies): Promise<void> {
  server.get('/error', { config: { page: true } }, async (request, reply) => {
    const id = queryForm(request).get('refusal') ?? ''
    if (!/^[0-9a-z]{16}$/.test(id))
      throw new Refused('not_found', 'there is no refusal with this id', {
        rule: 'refusal-unknown',
        cause: 'what was sent is not the id of a refusal',
      })
    // Which of the texts it was, for a page that comes again in another language.
    const why = /^[a-z_-]{1,40}$/.exec(queryForm(request).get('why') ?? '')?.[0] ?? 'access_denied'
    const refusal = {
      code: 'access_denied',
      description: 'the request of an app was refused',
      status: 200,
      why,
    } as const
    const app = await namedApps.findSealed(id, queryForm(request).get('app'))
    return renderPage(request, reply, errorPage(refusal, id, app))
  })
}
