import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { InitialTokenInput, ManageInitialTokens } from '../../admin/apps/manage-initial-tokens.ts'
import { administratorOf } from '../kit/apis/administrator.ts'
import { NOTHING, operation } from '../kit/apis/operation.ts'
import { pageOf, pageQuery, readPageQuery, sendPage } from '../kit/requests/paging.ts'

const tag = 'apps'
const orNull = (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], description })

const TOKEN = {
  id: Type.String(),
  label: orNull('a label for administrators'),
  created_by: Type.String({ description: 'such as user:ID, app:URI or cli:NAME' }),
  created_at: Type.String({ format: 'date-time' }),
  expires_at: orNull('when it ends, or null'),
  uses_left: Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    description: 'how many apps it can still register; null: any number',
  }),
  state: Type.String({ enum: ['live', 'expired', 'used up'] }),
}

const NewToken = Type.Object(
  {
    label: Type.Optional(Type.String({ maxLength: 200, description: 'a text' })),
    expires: Type.Optional(
      Type.String({ maxLength: 32, description: 'how long it is valid, such as 7d (the default)' }),
    ),
    uses: Type.Optional(
      Type.Unsafe<number | null>({
        type: ['integer', 'null'],
        minimum: 1,
        maximum: 999_999_999,
        description: 'a whole number, 1 (the default) or more, or null for any number',
      }),
    ),
  },
  { additionalProperties: false },
)

const ROUTES = {
  list: operation({
    id: 'listRegistrationTokens',
    tag,
    summary: 'List the initial access tokens, with which apps register themselves, newest first',
    query: pageQuery({}),
    answer: { 200: pageOf(Type.Object(TOKEN)) },
  }),
  create: operation({
    id: 'createRegistrationToken',
    tag,
    summary: 'Create an initial access token whose value is shown once',
    body: NewToken,
    answer: {
      201: Type.Object({
        ...TOKEN,
        token: Type.String({ description: 'the value, shown only this once' }),
        warnings: Type.Array(Type.String(), { description: 'what is possible but probably not intended' }),
      }),
    },
  }),
  revoke: operation({
    id: 'revokeRegistrationToken',
    tag,
    summary: 'Revoke an initial access token; apps that were registered with it stay',
    params: { id: 'the id of the token, or an unambiguous beginning of it' },
    answer: { 204: NOTHING },
  }),
}

/** Initial access tokens, for administrators. */
export async function manageRegistrationTokensEndpoint(
  server: FastifyInstance,
  { initialTokens }: { readonly initialTokens: ManageInitialTokens },
): Promise<void> {
  server.get('/registration-tokens', { schema: ROUTES.list }, async (request, reply) =>
    sendPage(request, reply, await initialTokens.page(readPageQuery(request))),
  )

  server.post<{ Body: InitialTokenInput }>('/registration-tokens', { schema: ROUTES.create }, async (request, reply) =>
    reply.status(201).send(await initialTokens.create(request.body, administratorOf(request))),
  )

  server.delete<{ Params: { readonly id: string } }>(
    '/registration-tokens/:id',
    { schema: ROUTES.revoke },
    async (request, reply) => {
      await initialTokens.revoke(request.params.id, administratorOf(request))
      return reply.status(204).send()
    },
  )
}
