import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ManageTokens, TokensWanted } from '../../admin/grants/manage-tokens.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { madeByToken, REFERENCE_TOKEN_KINDS, type ReferenceTokenKind } from '../../domain/tokens/reference-token.ts'
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
  all: operation({
    id: 'listAllTokens',
    tag,
    summary: 'List the reference tokens of whichever apps and users, newest first',
    query: Type.Object(
      {
        ...pageQuery({ app: 'an ApplicationUri', user: 'whom it acts as: a login, e-mail or id' }).properties,
        kind: Type.Optional(Type.String({ enum: [...REFERENCE_TOKEN_KINDS], description: 'PAT or SAT' })),
      },
      { additionalProperties: false },
    ),
    answer: { 200: pageOf(TokenRecord) },
  }),
  removeAny: operation({
    id: 'revokeAnyToken',
    tag,
    summary: 'Revoke a reference token at once, of whichever app',
    params: { id: 'the id of the token' },
    answer: { 204: NOTHING },
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

type NewTokenInput = TokenInput & { readonly kind: ReferenceTokenKind; readonly user?: string }

/** Whom a token of this kind acts as: a PAT as the person who asks for it, or as the one it is for. */
function holderOf({ kind, user }: NewTokenInput, { app, actor, person, byReferenceToken }: Administrator) {
  if (byReferenceToken) throw madeByToken({ client_id: app, actor })
  const refuse = (cause: string, attribute: string, reason: string): Refused =>
    new Refused(
      'invalid_change',
      `${attribute}: ${cause}`,
      { rule: 'token-speaks-for-nobody', cause, client_id: app, actor },
      { faults: [{ attribute, reason }] },
    )
  if (kind === 'SAT' && user !== undefined)
    throw refuse('a SAT was asked for, for a user', 'user', 'a SAT acts as the System User of the app; omit it')
  if (kind === 'SAT' || (user ?? person) !== undefined) return user ?? person
  const reason =
    'a PAT acts as a person, but this access token belongs to an app; say whom it is for (user), create a SAT, or sign in'
  throw refuse('a PAT was asked for with the access token of an app', 'kind', reason)
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

  server.get<{ Querystring: TokensWanted }>('/tokens', { schema: ROUTES.all }, async (request, reply) => {
    const { app, user, kind } = request.query
    return sendPage(request, reply, await tokens.pageOf({ app, user, kind }, readPageQuery(request)))
  })

  server.delete<{ Params: { readonly id: string } }>(
    '/tokens/:id',
    { schema: ROUTES.removeAny },
    async (request, reply) => {
      await tokens.revoke(request.params.id, {}, administratorOf(request))
      return reply.status(204).send()
    },
  )

  server.post<OfApp & { Body: NewTokenInput }>(
    '/apps/:applicationUri/tokens',
    { schema: ROUTES.add },
    async (request, reply) => {
      const { expires_at: expires, ...input } = request.body
      const user = holderOf(input, administratorOf(request))
      const wanted = { ...input, user, expires, app: request.params.applicationUri }
      return reply.status(201).send(await tokens.issue(wanted, administratorOf(request)))
    },
  )

  server.delete<OfToken>('/apps/:applicationUri/tokens/:id', { schema: ROUTES.remove }, async (request, reply) => {
    const { applicationUri, id } = request.params
    await tokens.revoke(id, { app: applicationUri }, administratorOf(request))
    return reply.status(204).send()
  })
}
