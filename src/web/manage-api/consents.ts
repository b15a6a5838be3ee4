import type { FastifyInstance } from 'fastify'
import type { ConsentsWanted } from '../../admin/grants/consents.ts'
import type { ManageConsents } from '../../admin/grants/manage-consents.ts'
import { administratorOf } from '../kit/apis/administrator.ts'
import { ConsentPage } from '../kit/apis/consent-schemas.ts'
import { APPLICATION_URI, NOTHING, operation, USER } from '../kit/apis/operation.ts'
import { pageQuery, readPageQuery, sendPage } from '../kit/requests/paging.ts'

interface OfUser {
  readonly Params: { readonly user: string }
}
interface OfConsent {
  readonly Params: { readonly user: string; readonly applicationUri: string }
}

const params = { user: USER }
const tag = 'users'

const ROUTES = {
  list: operation({
    id: 'listConsents',
    tag,
    summary: 'List the consents of a user to apps, newest first',
    params,
    query: pageQuery({}),
    answer: { 200: ConsentPage },
  }),
  all: operation({
    id: 'listAllConsents',
    tag,
    summary: 'List the consents of whichever users to whichever apps',
    query: pageQuery({ user: 'a login, e-mail or id', app: 'an ApplicationUri' }),
    answer: { 200: ConsentPage },
  }),
  withdraw: operation({
    id: 'withdrawConsent',
    tag,
    summary: 'Withdraw the consent of a user to an app; all its tokens that act as the user end at once',
    params: { ...params, applicationUri: APPLICATION_URI },
    answer: { 204: NOTHING },
  }),
}

/** What users have allowed apps, for administrators. */
export async function manageConsentsEndpoint(
  server: FastifyInstance,
  { consents }: { readonly consents: ManageConsents },
): Promise<void> {
  server.get<OfUser>('/users/:user/consents', { schema: ROUTES.list }, async (request, reply) =>
    sendPage(request, reply, await consents.page({ user: request.params.user }, readPageQuery(request))),
  )

  server.get<{ Querystring: ConsentsWanted }>('/consents', { schema: ROUTES.all }, async (request, reply) => {
    const { user, app } = request.query
    return sendPage(request, reply, await consents.page({ user, app }, readPageQuery(request)))
  })

  server.delete<OfConsent>(
    '/users/:user/consents/:applicationUri',
    { schema: ROUTES.withdraw },
    async (request, reply) => {
      const { user, applicationUri } = request.params
      await consents.withdraw(user, applicationUri, administratorOf(request))
      return reply.status(204).send()
    },
  )
}
