import type { FastifyInstance } from 'fastify'
import type { ManageUsers, NewUserInput, UserPatch as Patch } from '../../admin/users/manage-users.ts'
import { administratorOf } from '../kit/apis/administrator.ts'
import { NOTHING, operation, USER } from '../kit/apis/operation.ts'
import { PageQuerySchema, pageOf, readPageQuery, sendPage } from '../kit/requests/paging.ts'
import { readIfMatch, sendTagged, tagged } from '../kit/requests/preconditions.ts'
import { NewPassword, NewUser, Unlocked, UserPatch, UserRecord } from './schemas.ts'

interface OfUser {
  readonly Params: { readonly user: string }
}

const params = { user: USER }
const tag = 'users'

const ROUTES = {
  list: operation({
    id: 'listUsers',
    tag,
    summary: 'List the users, newest first; q is a part of login, name or e-mail',
    query: PageQuerySchema,
    answer: { 200: pageOf(UserRecord) },
  }),
  add: operation({ id: 'addUser', tag, summary: 'Add a user', body: NewUser, answer: { 201: UserRecord } }),
  show: operation({ id: 'showUser', tag, summary: 'Show a user', params, answer: { 200: UserRecord, 304: NOTHING } }),
  patch: operation({
    id: 'updateUser',
    tag,
    summary: 'Change a user; isEnabled is the kill switch',
    params,
    body: UserPatch,
    conditional: true,
    answer: { 200: UserRecord },
  }),
  remove: operation({
    id: 'removeUser',
    tag,
    summary: 'Remove a user with their sessions, consents and tokens',
    params,
    conditional: true,
    answer: { 204: NOTHING },
  }),
  password: operation({
    id: 'setPassword',
    tag,
    summary: 'Set a new password for a user; everything issued under the old one ends',
    params,
    body: NewPassword,
    answer: { 204: NOTHING },
  }),
  unlock: operation({
    id: 'unlockUser',
    tag,
    summary: 'Let a person who was locked out by failed attempts sign in again at once',
    params,
    answer: { 200: Unlocked },
  }),
}

/** People and System Users, for administrators. */
export async function manageUsersEndpoint(
  server: FastifyInstance,
  { users }: { readonly users: ManageUsers },
): Promise<void> {
  server.get('/users', { schema: ROUTES.list }, async (request, reply) =>
    sendPage(request, reply, await users.page(readPageQuery(request))),
  )

  server.post<{ Body: NewUserInput }>('/users', { schema: ROUTES.add }, async (request, reply) => {
    const { record, version } = await users.add(request.body, administratorOf(request))
    return tagged(reply, version).status(201).header('location', `${server.prefix}/users/${record.id}`).send(record)
  })

  server.get<OfUser>('/users/:user', { schema: ROUTES.show }, async (request, reply) =>
    sendTagged(request, reply, await users.find(request.params.user)),
  )

  server.patch<OfUser & { Body: Patch }>('/users/:user', { schema: ROUTES.patch }, async (request, reply) => {
    const expected = readIfMatch(request)
    const { record, version } = await users.patch(request.params.user, request.body, expected, administratorOf(request))
    return tagged(reply, version).send(record)
  })

  server.delete<OfUser>('/users/:user', { schema: ROUTES.remove }, async (request, reply) => {
    await users.remove(request.params.user, readIfMatch(request), administratorOf(request))
    return reply.status(204).send()
  })

  server.put<OfUser & { Body: { readonly password: string } }>(
    '/users/:user/password',
    { schema: ROUTES.password },
    async (request, reply) => {
      await users.setPassword(request.params.user, request.body.password, administratorOf(request))
      return reply.status(204).send()
    },
  )

  server.post<OfUser>('/users/:user/unlock', { schema: ROUTES.unlock }, (request) =>
    users.unlock(request.params.user, administratorOf(request)),
  )
}
