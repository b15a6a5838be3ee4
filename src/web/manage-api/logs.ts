import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ReadLogs } from '../../admin/change/read-logs.ts'
import { operation } from '../kit/apis/operation.ts'
import { pageOf, pageQuery, readPageQuery, sendPage } from '../kit/requests/paging.ts'

const TextOrNull = Type.Unsafe<string | null>({ type: ['string', 'null'] })
const Anything = Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true })

const RefusalRecord = Type.Object({
  id: Type.String(),
  at: Type.String({ format: 'date-time' }),
  endpoint: Type.String(),
  method: Type.String(),
  status: Type.Integer(),
  error: Type.String(),
  description: Type.String(),
  parameters: Anything,
  detail: Anything,
  app: TextOrNull,
  address: Type.String(),
})

const EventRecord = Type.Object({
  id: Type.String(),
  at: Type.String({ format: 'date-time' }),
  event: Type.String(),
  outcome: Type.String(),
  actor: Type.String(),
  address: TextOrNull,
  app: TextOrNull,
  user: TextOrNull,
  detail: Anything,
})

const time = 'a time such as 2030-01-31T00:00:00Z'
const events = pageQuery({
  event: 'the name of an event',
  app: 'an ApplicationUri',
  user: 'the id of a user',
  since: time,
  until: time,
})
const EVENT_QUERY = Type.Object(
  {
    ...events.properties,
    order: Type.Optional(
      Type.String({
        enum: ['newest', 'oldest'],
        description: 'newest or oldest: which event comes first; default: newest',
      }),
    ),
  },
  { additionalProperties: false },
)
const tag = 'journals'

const ROUTES = {
  refusals: operation({
    id: 'listRefusals',
    tag,
    summary: 'List refusals, newest first',
    query: pageQuery({
      app: 'the client_id that was sent',
      error: 'an error code such as invalid_client',
      status: 'a number from 400 to 599',
      endpoint: 'a path such as /id/connect/token, or how one ends',
      since: time,
    }),
    answer: { 200: pageOf(RefusalRecord) },
  }),
  refusal: operation({
    id: 'showRefusal',
    tag,
    summary: 'Show a refusal by its id',
    params: { id: 'the id of the refusal' },
    answer: { 200: RefusalRecord },
  }),
  audit: operation({
    id: 'listEvents',
    tag,
    summary: 'List the audit log, newest first, or oldest first with order=oldest',
    query: EVENT_QUERY,
    answer: { 200: pageOf(EventRecord) },
  }),
}

type Filter = Readonly<Partial<Record<'event' | 'app' | 'user' | 'since' | 'until', string>>> & {
  readonly order?: 'newest' | 'oldest'
}
type RefusalFilter = Readonly<Partial<Record<'app' | 'error' | 'status' | 'endpoint' | 'since', string>>>

/** Refusals and the audit log, for administrators to read. */
export async function manageLogsEndpoint(
  server: FastifyInstance,
  { logs }: { readonly logs: ReadLogs },
): Promise<void> {
  server.get<{ Querystring: RefusalFilter }>('/refusals', { schema: ROUTES.refusals }, async (request, reply) => {
    const { app, error, status, endpoint, since } = request.query
    return sendPage(
      request,
      reply,
      await logs.refusals(readPageQuery(request), { app, error, status, endpoint, since }),
    )
  })

  server.get<{ Params: { readonly id: string } }>('/refusals/:id', { schema: ROUTES.refusal }, async (request) =>
    logs.refusal(request.params.id),
  )

  server.get<{ Querystring: Filter }>('/audit', { schema: ROUTES.audit }, async (request, reply) => {
    const { event, app: ofApp, user, since, until, order } = request.query
    return sendPage(
      request,
      reply,
      await logs.audit(readPageQuery(request), { event, app: ofApp, user, since, until, order }),
    )
  })
}
