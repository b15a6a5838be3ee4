import type { FastifyInstance } from 'fastify'
import type { ManageTokens } from '../../admin/grants/manage-tokens.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { madeByToken, type ReferenceTokenKind } from '../../domain/tokens/reference-token.ts'
import { type Administrator, administratorOf } from '../kit/apis/administrator.ts'
import { APPLICATION_URI, NOTHING, operation } from '../kit/apis/operation.ts'
import { NewToken, NewTokenShown, type TokenInput, TokenRecord } from '../kit/apis/token-schemas.ts'
import { pageOf, pageQuery, readPageQuery, sendPage } from '../kit/requests/paging.ts'

interface OfApp {
  readonly Params: { readonly applicationUri: string }
}
interface OfToken {
  readonly Params: { readonly applicationUri: string; readonly id: string }
}

const params = { applicationUri: APPLICATION_URI }
const tag = 'tokens'

const ROUTES = {
  list: operation({
    id: 'listTokens',
    tag,
    summary: 'List the reference tokens of an app, newest first',
    params,
    query: pageQuery({}),
    answer: { 200: pageOf(TokenRecord) },
  }),
  add: operation({
    id: 'issueToken',
    tag,
    summary: 'Create a reference token whose value is shown once',
    params,
    body: NewToken,
    answer: { 201: NewTokenShown },
  }),
  remove: operation({
    id: 'revokeToken',
    tag,
    summary: 'Revoke a reference token at once',
    params: { ...params, id: 'the id of the token' },
    answer: { 204: NOTHING },
  }),
}

/** Whom a token of this kind acts as; a person makes PATs for themselves alone. */
function holderOf(kind: ReferenceTokenKind, { app, actor, person, byReferenceToken }: Administrator) {
  if (byReferenceToken) throw madeByToken({ client_id: app, actor })
  if (kind === 'SAT' || person !== undefined) return person
  const reason =
    'a PAT acts as the person who creates it, but this access token belongs to an app; create a SAT, or sign in'
  throw new Refused(
    'invalid_change',
    'kind: the access token does not act for a person',
    {
      rule: 'token-speaks-for-nobody',
      cause: 'a PAT was asked for with the access token of an app',
      client_id: app,
      actor,
    },
    { faults: [{ attribute: 'kind', reason }] },
  )
}

/** Reference tokens of an app, for administrators. */
export async function manageTokensEndpoint(
  server: FastifyInstance,
  { tokens }: { readonly tokens: ManageTokens },
): Promise<void> {
  server.get<OfApp>('/apps/:applicationUri/tokens', { schema: ROUTES.list }, async (request, reply) => {
    const { applicationUri } = request.params
    await tokens.requireApp(applicationUri)
    return sendPage(request, reply, await tokens.page({ app: applicationUri }, readPageQuery(request)))
  })

  server.post<OfApp & { Body: TokenInput & { readonly kind: ReferenceTokenKind } }>(
    '/apps/:applicationUri/tokens',
    { schema: ROUTES.add },
    async (request, reply) => {
      const { kind, expires_at: expires, ...input } = request.body
      const user = holderOf(kind, administratorOf(request))
      const wanted = { ...input, kind, user, expires, app: request.params.applicationUri }
      return reply.status(201).send(await tokens.issue(wanted, administratorOf(request)))
    },
  )

  server.delete<OfToken>('/apps/:applicationUri/tokens/:id', { schema: ROUTES.remove }, async (request, reply) => {
    const { applicationUri, id } = request.params
    await tokens.revoke(id, { app: applicationUri }, administratorOf(request))
    return reply.status(204).send()
  })
}
