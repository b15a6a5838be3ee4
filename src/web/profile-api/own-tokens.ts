import type { FastifyInstance } from 'fastify'
import type { ManageOwnTokens } from '../../admin/grants/manage-own-tokens.ts'
import type { ManageTokens } from '../../admin/grants/manage-tokens.ts'
import { speak } from '../kit/answers/messages.ts'
import { NOTHING, operation } from '../kit/apis/operation.ts'
import { personOf } from '../kit/apis/signed-in.ts'
import { NewOwnToken, NewTokenShown, OwnTokenRecord, type TokenInput } from '../kit/apis/token-schemas.ts'
import { pageOf, pageQuery, readPageQuery, sendPage } from '../kit/requests/paging.ts'

const tag = 'tokens'

const ROUTES = {
  list: operation({
    id: 'listOwnTokens',
    tag,
    summary: 'List your personal access tokens, then what apps may refresh for you, each newest first',
    query: pageQuery({}),
    answer: { 200: pageOf(OwnTokenRecord) },
  }),
  add: operation({
    id: 'issueOwnToken',
    tag,
    summary: 'Create a personal access token whose value is shown once',
    body: NewOwnToken,
    answer: { 201: NewTokenShown },
  }),
  remove: operation({
    id: 'revokeOwnToken',
    tag,
    summary: 'End one of your tokens at once, or what an app may refresh with all that grew from it',
    params: { id: 'the id of the token' },
    answer: { 204: NOTHING },
  }),
}

/** What acts as whoever is signed in without them. */
export async function profileTokensEndpoint(
  server: FastifyInstance,
  { tokens, ownTokens }: { readonly tokens: Pick<ManageTokens, 'issueOwn'>; readonly ownTokens: ManageOwnTokens },
): Promise<void> {
  server.get('/tokens', { schema: ROUTES.list }, async (request, reply) => {
    const { id: user } = personOf(request)
    return sendPage(request, reply, await ownTokens.page(user, readPageQuery(request), speak(request, reply)))
  })

  server.post<{ Body: TokenInput & { readonly app: string } }>(
    '/tokens',
    { schema: ROUTES.add },
    async (request, reply) => {
      const { id: user, actor } = personOf(request)
      const { expires_at: expires, ...input } = request.body
      return reply.status(201).send(await tokens.issueOwn({ ...input, expires, user }, actor))
    },
  )

  server.delete<{ Params: { readonly id: string } }>(
    '/tokens/:id',
    { schema: ROUTES.remove },
    async (request, reply) => {
      const { id: user, actor } = personOf(request)
      await ownTokens.revoke(request.params.id, user, actor)
      return reply.status(204).send()
    },
  )
}
