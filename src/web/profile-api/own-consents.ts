import type { FastifyInstance } from 'fastify'
import type { ManageConsents } from '../../admin/grants/manage-consents.ts'
import { speak } from '../kit/answers/messages.ts'
import { ConsentPage } from '../kit/apis/consent-schemas.ts'
import { APPLICATION_URI, NOTHING, operation } from '../kit/apis/operation.ts'
import { personOf } from '../kit/apis/signed-in.ts'
import { pageQuery, readPageQuery, sendPage } from '../kit/requests/paging.ts'

const tag = 'consents'

const ROUTES = {
  list: operation({
    id: 'listOwnConsents',
    tag,
    summary: 'List your consents to apps, newest first',
    query: pageQuery({}),
    answer: { 200: ConsentPage },
  }),
  withdraw: operation({
    id: 'withdrawOwnConsent',
    tag,
    summary: 'Withdraw your consent to an app; all its tokens that act as you end at once',
    params: { applicationUri: APPLICATION_URI },
    answer: { 204: NOTHING },
  }),
}

/** What whoever is signed in has allowed apps. */
export async function profileConsentsEndpoint(
  server: FastifyInstance,
  { consents }: { readonly consents: Pick<ManageConsents, 'page' | 'withdraw'> },
): Promise<void> {
  server.get('/consents', { schema: ROUTES.list }, async (request, reply) =>
    sendPage(
      request,
      reply,
      await consents.page({ user: personOf(request).id, language: speak(request, reply) }, readPageQuery(request)),
    ),
  )

  server.delete<{ Params: { readonly applicationUri: string } }>(
    '/consents/:applicationUri',
    { schema: ROUTES.withdraw },
    async (request, reply) => {
      const { id, actor } = personOf(request)
      await consents.withdraw(id, request.params.applicationUri, actor)
      return reply.status(204).send()
    },
  )
}
