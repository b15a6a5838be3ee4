import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { SessionsWanted } from '../../admin/grants/api-sessions.ts'
import type { LicenseInput, ManageSessions } from '../../admin/grants/manage-sessions.ts'
import { LONGEST_NAME } from '../../domain/records/longest-name.ts'
import { MOST_SLOTS } from '../../domain/sessions/api-session.ts'
import { administratorOf } from '../kit/apis/administrator.ts'
import { NOTHING, operation, USER } from '../kit/apis/operation.ts'
import { pageOf, pageQuery, readPageQuery, sendPage } from '../kit/requests/paging.ts'

const tag = 'sessions'
const text = (description: string) => Type.String({ minLength: 1, maxLength: LONGEST_NAME, description })
const stringOrNull = (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], description })
const numberOrNull = (description: string) =>
  Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 0, maximum: MOST_SLOTS, description })

const Session = Type.Object({
  id: Type.String(),
  kind: Type.String({ enum: ['user', 'service'] }),
  user: Type.String({ description: 'the login of the user whom its apps act as' }),
  app: Type.String({ description: 'the ApplicationUri of the app that opened it' }),
  apps: Type.Array(Type.String(), { description: 'every app that calls within it' }),
  sid: stringOrNull('the sign-in session that it is of; null for tokens and services'),
  token: stringOrNull('the id of the reference token that it is of; null for others'),
  openedAt: Type.String({ format: 'date-time' }),
  lastUsedAt: Type.String({ format: 'date-time' }),
  endsAt: Type.String({ format: 'date-time', description: 'unless it is used again' }),
})

const License = Type.Object({
  slots: numberOrNull('how many API sessions may be open at once; null: unlimited'),
  used: Type.Integer(),
  free: numberOrNull('null for any number'),
  kept: Type.Integer({ description: 'how many of the free slots are kept for reserved users' }),
  reserved: Type.Array(Type.String()),
})

const NewLicense = Type.Object(
  {
    slots: Type.Unsafe<number | null>({
      type: ['integer', 'null'],
      minimum: 1,
      maximum: MOST_SLOTS,
      description: 'a whole number, 1 or more, or null for no limit',
    }),
    reserved: Type.Array(text('a login'), { maxItems: 1000, description: 'the logins of all reserved users' }),
  },
  { additionalProperties: false },
)

const EndQuery = Type.Object(
  { withTokens: Type.Optional(Type.String({ enum: ['true', 'false'], description: 'true or false' })) },
  { additionalProperties: false },
)

const ROUTES = {
  list: operation({
    id: 'listSessions',
    tag,
    summary: 'List the open API sessions, newest first',
    query: pageQuery({ user: 'a login, e-mail or id', app: 'the ApplicationUri of an app that calls within them' }),
    answer: { 200: pageOf(Session) },
  }),
  end: operation({
    id: 'endSession',
    tag,
    summary: 'End an API session at once, and with withTokens also the tokens that could open another one',
    params: { id: 'the id of the session' },
    query: EndQuery,
    answer: { 204: NOTHING },
  }),
  endAll: operation({
    id: 'endSessionsOfUser',
    tag,
    summary: 'End every API session of a user, and with withTokens also the tokens of every app that acts as the user',
    params: { user: USER },
    query: EndQuery,
    answer: { 204: NOTHING },
  }),
  license: operation({ id: 'showLicense', tag, summary: 'Show the licence slots', answer: { 200: License } }),
  setLicense: operation({
    id: 'setLicense',
    tag,
    summary: 'Set the number of licence slots and the reserved users',
    body: NewLicense,
    answer: { 200: License },
  }),
}

/** API sessions and licence slots, for administrators. */
export async function manageSessionsEndpoint(
  server: FastifyInstance,
  { sessions }: { readonly sessions: ManageSessions },
): Promise<void> {
  server.get<{ Querystring: SessionsWanted }>('/sessions', { schema: ROUTES.list }, async (request, reply) => {
    const { user, app: ofApp } = request.query
    return sendPage(request, reply, await sessions.page({ user, app: ofApp }, readPageQuery(request)))
  })

  server.delete<{ Params: { readonly id: string }; Querystring: { withTokens?: string } }>(
    '/sessions/:id',
    { schema: ROUTES.end },
    async (request, reply) => {
      await sessions.end(request.params.id, request.query.withTokens === 'true', administratorOf(request))
      return reply.status(204).send()
    },
  )

  server.delete<{ Params: { readonly user: string }; Querystring: { withTokens?: string } }>(
    '/users/:user/sessions',
    { schema: ROUTES.endAll },
    async (request, reply) => {
      await sessions.endAllOf(request.params.user, request.query.withTokens === 'true', administratorOf(request))
      return reply.status(204).send()
    },
  )

  server.get('/license', { schema: ROUTES.license }, () => sessions.license())

  server.put<{ Body: LicenseInput }>('/license', { schema: ROUTES.setLicense }, (request) =>
    sessions.setLicense(request.body, administratorOf(request)),
  )
}
