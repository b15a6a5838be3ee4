import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ManageSignIns } from '../../admin/grants/manage-sign-ins.ts'
import { administratorOf } from '../kit/apis/administrator.ts'
import { NOTHING, operation, USER } from '../kit/apis/operation.ts'
import { pageOf, pageQuery, readPageQuery, sendPage } from '../kit/requests/paging.ts'

interface OfUser {
  readonly Params: { readonly user: string }
}
interface OfSignIn {
  readonly Params: { readonly sid: string }
}

const params = { sid: 'the sid, as in tokens and in the audit log' }
const tag = 'sign-ins'
const texts = (description: string) => Type.Array(Type.String(), { description })
const time = (description: string) => Type.String({ format: 'date-time', description })

const SignIn = Type.Object({
  sid: Type.String({ description: 'as in tokens and in the audit log' }),
  user: Type.String({ description: 'the login' }),
  apps: texts('the ApplicationUris of those it was used at'),
  amr: texts('how the person proved who they are'),
  acr: Type.String(),
  authenticatedAt: time('when they last did'),
  lastUsedAt: time('to within a minute'),
  endsAt: time('unless it is used again'),
  state: Type.String({ enum: ['open', 'expired', 'ended'], description: 'lists hold those that are open' }),
})

const ROUTES = {
  list: operation({
    id: 'listSignIns',
    tag,
    summary: 'List the browsers in which a person is signed in, newest first',
    params: { user: USER },
    query: pageQuery({}),
    answer: { 200: pageOf(SignIn) },
  }),
  show: operation({ id: 'showSignIn', tag, summary: 'Show a sign-in session', params, answer: { 200: SignIn } }),
  end: operation({
    id: 'endSignIn',
    tag,
    summary: 'Sign a person out of one browser, with what their own sign-out would end',
    params,
    answer: { 204: NOTHING },
  }),
  endAll: operation({
    id: 'endSignInsOfUser',
    tag,
    summary: 'Sign a person out of every browser',
    params: { user: USER },
    answer: { 204: NOTHING },
  }),
}

/** Where people are signed in, for administrators. */
export async function manageSignInsEndpoint(
  server: FastifyInstance,
  { signIns }: { readonly signIns: ManageSignIns },
): Promise<void> {
  server.get<OfUser>('/users/:user/sign-ins', { schema: ROUTES.list }, async (request, reply) =>
    sendPage(request, reply, await signIns.page(request.params.user, readPageQuery(request))),
  )

  server.delete<OfUser>('/users/:user/sign-ins', { schema: ROUTES.endAll }, async (request, reply) => {
    await signIns.endAllOf(request.params.user, administratorOf(request))
    return reply.status(204).send()
  })

  server.get<OfSignIn>('/sign-ins/:sid', { schema: ROUTES.show }, (request) => signIns.find(request.params.sid))

  server.delete<OfSignIn>('/sign-ins/:sid', { schema: ROUTES.end }, async (request, reply) => {
    await signIns.end(request.params.sid, administratorOf(request))
    return reply.status(204).send()
  })
}
