import type { FastifyInstance } from 'fastify'
import type { AppInput, ManageApps, SecretInput } from '../../admin/apps/manage-apps.ts'
import { administratorOf } from '../kit/apis/administrator.ts'
import { APPLICATION_URI, NOTHING, operation } from '../kit/apis/operation.ts'
import { PageQuerySchema, pageOf, pageQuery, readPageQuery, sendPage } from '../kit/requests/paging.ts'
import { readIfMatch, sendTagged, tagged } from '../kit/requests/preconditions.ts'
import {
  AppPatch,
  AppRecord,
  ChangedApp,
  LogoutRecord,
  NewApp,
  NewSecret,
  NewSecretShown,
  SecretList,
} from './schemas.ts'

interface Dependencies {
  readonly apps: ManageApps
}

interface OfApp {
  readonly Params: { readonly applicationUri: string }
}
interface OfSecret {
  readonly Params: { readonly applicationUri: string; readonly secret: string }
}

const params = { applicationUri: APPLICATION_URI }
const tag = 'apps'

const ROUTES = {
  list: operation({
    id: 'listApps',
    tag,
    summary: 'List the apps, newest first',
    query: PageQuerySchema,
    answer: { 200: pageOf(AppRecord) },
  }),
  add: operation({ id: 'registerApp', tag, summary: 'Register an app', body: NewApp, answer: { 201: ChangedApp } }),
  show: operation({ id: 'showApp', tag, summary: 'Show an app', params, answer: { 200: AppRecord, 304: NOTHING } }),
  patch: operation({
    id: 'updateApp',
    tag,
    summary: 'Change an app; IsEnabled is its kill switch',
    params,
    body: AppPatch,
    conditional: true,
    answer: { 200: ChangedApp },
  }),
  remove: operation({
    id: 'removeApp',
    tag,
    summary: 'Remove an app with everything issued to it',
    params,
    conditional: true,
    answer: { 204: NOTHING },
  }),
  secrets: operation({
    id: 'listSecrets',
    tag,
    summary: 'List the secrets of an app, newest first',
    params,
    answer: { 200: SecretList },
  }),
  addSecret: operation({
    id: 'addSecret',
    tag,
    summary: 'Create a secret that is shown once, or store the hash of one made elsewhere',
    params,
    body: NewSecret,
    answer: { 201: NewSecretShown },
  }),
  removeSecret: operation({
    id: 'removeSecret',
    tag,
    summary: 'End a secret at once',
    params: { ...params, secret: 'the Id of the secret' },
    answer: { 204: NOTHING },
  }),
  logouts: operation({
    id: 'listLogouts',
    tag,
    summary:
      'List the back-channel logout notifications that were sent or are still to be sent to an app, newest first',
    params,
    query: pageQuery({}),
    answer: { 200: pageOf(LogoutRecord) },
  }),
}

/** Trusted Applications, for administrators. */
export async function manageAppsEndpoint(server: FastifyInstance, { apps }: Dependencies): Promise<void> {
  server.get('/apps', { schema: ROUTES.list }, async (request, reply) =>
    sendPage(request, reply, await apps.page(readPageQuery(request))),
  )

  server.post<{ Body: AppInput }>('/apps', { schema: ROUTES.add }, async (request, reply) => {
    const { record, version, warnings } = await apps.register(request.body, administratorOf(request))
    reply.header('location', `${server.prefix}/apps/${encodeURIComponent(String(request.body.ApplicationUri))}`)
    return tagged(reply, version)
      .status(201)
      .send({ ...record, warnings })
  })

  server.get<OfApp>('/apps/:applicationUri', { schema: ROUTES.show }, async (request, reply) =>
    sendTagged(request, reply, await apps.find(request.params.applicationUri)),
  )

  server.patch<OfApp & { Body: AppInput }>(
    '/apps/:applicationUri',
    { schema: ROUTES.patch },
    async (request, reply) => {
      const { applicationUri } = request.params
      const changed = await apps.patch(applicationUri, request.body, readIfMatch(request), administratorOf(request))
      return tagged(reply, changed.version).send({ ...changed.record, warnings: changed.warnings })
    },
  )

  server.delete<OfApp>('/apps/:applicationUri', { schema: ROUTES.remove }, async (request, reply) => {
    await apps.remove(request.params.applicationUri, readIfMatch(request), administratorOf(request))
    return reply.status(204).send()
  })

  server.get<OfApp>('/apps/:applicationUri/secrets', { schema: ROUTES.secrets }, async (request) => ({
    items: await apps.secrets(request.params.applicationUri),
  }))

  server.get<OfApp>('/apps/:applicationUri/logouts', { schema: ROUTES.logouts }, async (request, reply) =>
    sendPage(request, reply, await apps.logouts(request.params.applicationUri, readPageQuery(request))),
  )

  server.post<OfApp & { Body: SecretInput }>(
    '/apps/:applicationUri/secrets',
    { schema: ROUTES.addSecret },
    async (request, reply) =>
      reply
        .status(201)
        .send(await apps.addSecret(request.params.applicationUri, request.body, administratorOf(request))),
  )

  server.delete<OfSecret>(
    '/apps/:applicationUri/secrets/:secret',
    { schema: ROUTES.removeSecret },
    async (request, reply) => {
      await apps.removeSecret(request.params.applicationUri, request.params.secret, administratorOf(request))
      return reply.status(204).send()
    },
  )
}
