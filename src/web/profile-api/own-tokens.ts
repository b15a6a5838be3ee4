import type { FastifyInstance } from 'fastify'
import type { ManageTokens } from '../../admin/grants/manage-tokens.ts'
import { NOTHING, operation } from '../kit/apis/operation.ts'
import { personOf } from '../kit/apis/signed-in.ts'
import { NewOwnToken, NewTokenShown, type TokenInput, TokenRecord } from '../kit/apis/token-schemas.ts'
import { pageOf, pageQuery, readPageQuery, sendPage } from '../kit/requests/paging.ts'

const tag = 'tokens'

const ROUTES = {
  list: operation({
    id: 'listOwnTokens',
    tag,
    summary: 'List your personal access tokens, newest first',
    query: pageQuery({}),
    answer: { 200: pageOf(TokenRecord) },
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
    summary: 'Revoke one of your personal access tokens at once',
    params: { id: 'the id of the token' },
    answer: { 204: NOTHING },
  }),
}

/** The personal access tokens of whoever is signed in. */
export async function profileTokensEndpoint(
  server: FastifyInstance,
  { tokens }: { readonly tokens: Pick<ManageTokens, 'issueOwn' | 'page' | 'revoke'> },
): Promise<void> {
  server.get('/tokens', { schema: ROUTES.list }, async (request, reply) => {
    const { id: user } = personOf(request)
    return sendPage(request, reply, await tokens.page({ user, kind: 'PAT' }, readPageQuery(request)))
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
      await tokens.revoke(request.params.id, { user, kind: 'PAT' }, actor)
      return reply.status(204).send()
    },
  )
}
