import cors from '@fastify/cors'
import Fastify, { type FastifyError } from 'fastify'
import resourceServer from '../../src/resource-server/resource-server.ts'
import { LISTEN_HOST } from './addresses.ts'
import { CHANGEABLE, type Customer, newCustomers } from './customers.ts'

export const ODATA_ROOT = '/api/domain/odata'
const ENTITY_SET = `${ODATA_ROOT}/Crm_Sales_Customers`

/** The identifier of the instance's own API. */
export const DEMO_RESOURCE = 'DomainAPI'

export interface ApiOptions {
  readonly port: number
  /** The API's own origin, for the links in its answers. */
  readonly url: string
  readonly issuer: string
  /** The app that the API is: it asks about reference tokens and reports who calls. */
  readonly clientId: string
  readonly clientSecret: string
  /** The only origin whose scripts may read answers. */
  readonly allowedOrigin: string
}

/** Where the rows are: the whole set, or the first few. */
export const customersUrl = (apiUrl: string, top: number): string => `${apiUrl}${ENTITY_SET}?$top=${top}`

function readTop(text: string | undefined): number | undefined {
  if (text === undefined) return Number.POSITIVE_INFINITY
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined
}

/** Takes the members that may be changed; `undefined` when there is none, or one is not a text. */
function readChanges(body: unknown): Partial<Customer> | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const given = Object.entries(body).filter(([name]) => CHANGEABLE.some((known) => known === name))
  const usable = given.length > 0 && given.every(([, value]) => typeof value === 'string' && value !== '')
  return usable ? Object.fromEntries(given) : undefined
}

/** An API's answer to a failed request, in OData's form. */
const odataError = (code: string, message: string): object => ({ error: { code, message } })

/** Starts the instance's API: customers to read with the scope `read`, and to change with `update`. */
export async function startApi(options: ApiOptions): Promise<{ close(): Promise<void> }> {
  const { port, url, issuer, clientId, clientSecret, allowedOrigin } = options
  const app = Fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 20 } })
  // Before the tokens: a browser asks without one whether it may send one.
  await app.register(cors, {
    origin: allowedOrigin,
    methods: ['GET', 'PATCH'],
    allowedHeaders: ['authorization', 'x-api-key', 'api-key', 'content-type'],
    exposedHeaders: ['www-authenticate', 'retry-after'],
  })
  await app.register(resourceServer, {
    issuer,
    audience: DEMO_RESOURCE,
    clientId,
    clientSecret,
    apiSessions: true,
    resource: url,
    resourceName: 'Demo API',
    scopes: ['read', 'update'],
    formatRefusal: ({ error, description }) => odataError(error, description),
  })
  const context = `${url}${ODATA_ROOT}/$metadata#Crm_Sales_Customers`
  let customers = newCustomers()

  app.get<{ Querystring: { $top?: string } }>(ENTITY_SET, { config: { scope: 'read' } }, async ({ query }, reply) => {
    const top = readTop(query.$top)
    if (top === undefined) return reply.code(400).send(odataError('bad_request', '$top must be a whole number'))
    return reply.header('cache-control', 'no-store').send({ '@odata.context': context, value: customers.slice(0, top) })
  })

  app.patch<{ Params: { id: string } }>(
    `${ENTITY_SET}(:id(^\\d+))`,
    { config: { scope: 'update' } },
    async ({ params, body }, reply) => {
      const known = customers.find(({ Id }) => Id === Number(params.id))
      if (known === undefined) return reply.code(404).send(odataError('not_found', `there is no customer ${params.id}`))
      const changes = readChanges(body)
      if (changes === undefined)
        return reply
          .code(400)
          .send(odataError('bad_request', `expected a JSON object with some of ${CHANGEABLE.join(', ')}`))
      const changed = { ...known, ...changes }
      customers = customers.map((customer) => (customer === known ? changed : customer))
      return { '@odata.context': `${context}/$entity`, ...changed }
    },
  )

  app.setErrorHandler<FastifyError>(({ statusCode = 500, code, message }, _request, reply) =>
    reply.code(statusCode).send(odataError(code, message)),
  )
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(odataError('not_found', `try ${customersUrl(url, 10)}`)),
  )
  await app.listen({ port, host: LISTEN_HOST })
  return app
}
