import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ManageResources, ResourceInput } from '../../admin/apps/manage-resources.ts'
import { administratorOf } from '../kit/apis/administrator.ts'
import { NOTHING, operation } from '../kit/apis/operation.ts'
import { pageOf, pageQuery, readPageQuery, sendPage } from '../kit/requests/paging.ts'
import { readIfMatch, sendTagged, tagged } from '../kit/requests/preconditions.ts'

interface OfResource {
  readonly Params: { readonly identifier: string }
}
type NewInput = ResourceInput & { readonly Identifier: string }

const params = { identifier: 'the Identifier of the API resource, URL-encoded, with slashes as %2F' }
const tag = 'resources'
const MOST = 1000
const IDENTIFIER = Type.String({ description: 'what becomes the aud of its tokens' })
const optional = <T>(schema: { readonly type: string } & Readonly<Record<string, unknown>>, description: string) =>
  Type.Optional(Type.Unsafe<T>({ ...schema, type: [schema.type, 'null'], description }))

const TEXT = { type: 'string' }
const TEXTS = { type: 'array', items: TEXT, maxItems: MOST }
const BY_NAME = { type: 'object', additionalProperties: TEXT }
const NULLABLE_BY_NAME = { ...BY_NAME, type: ['object', 'null'] }
/** Of what is merged by key. @see RFC 7396 §2 */
const MERGED_BY_NAME = { type: 'object', additionalProperties: { type: ['string', 'null'] } }
const SCOPE = {
  anyOf: [
    TEXT,
    {
      type: 'object',
      properties: {
        Name: TEXT,
        Description: { type: ['string', 'null'] },
        LocalizedNames: NULLABLE_BY_NAME,
        LocalizedDescriptions: NULLABLE_BY_NAME,
      },
      required: ['Name'],
      additionalProperties: false,
    },
  ],
}
const SCOPES = Type.Unsafe<NonNullable<ResourceInput['Scopes']>>({
  type: 'array',
  items: SCOPE,
  maxItems: MOST,
  description:
    'all its scopes: a list of names, or of entries of Name and Description, LocalizedNames and LocalizedDescriptions',
})
const SETTABLE = {
  Name: optional<ResourceInput['Name']>(TEXT, 'the name that people see, or null for the Identifier'),
  LocalizedNames: optional<ResourceInput['LocalizedNames']>(
    MERGED_BY_NAME,
    'the Name in other languages, by language tag; those that are not named stay, and null takes one away',
  ),
  ResourceServers: optional<ResourceInput['ResourceServers']>(
    TEXTS,
    'a list of the ApplicationUris with which it introspects its tokens',
  ),
  OpenToSelfRegistered: optional<ResourceInput['OpenToSelfRegistered']>(
    { type: 'boolean' },
    'true to let apps that register themselves have its scopes in TESSERA_REGISTRATION_SCOPES',
  ),
  SiteType: optional<ResourceInput['SiteType']>(TEXT, 'what kind of site that is; default: API'),
  SiteUrl: optional<ResourceInput['SiteUrl']>(TEXT, 'where it is, as auto-discovery tells everybody; null: nowhere'),
  SiteProperties: optional<ResourceInput['SiteProperties']>(
    MERGED_BY_NAME,
    'what else programs have to know: texts by name; those that are not named stay, and null takes one away',
  ),
}
const STRICT = { additionalProperties: false } as const
const NewResource = Type.Object({ Identifier: IDENTIFIER, Scopes: SCOPES, ...SETTABLE }, STRICT)
const Patch = Type.Object({ Identifier: Type.Optional(IDENTIFIER), Scopes: Type.Optional(SCOPES), ...SETTABLE }, STRICT)

const ByLanguage = Type.Unsafe<Readonly<Record<string, string>>>(BY_NAME)
const SHOWN = {
  Identifier: IDENTIFIER,
  Name: Type.String(),
  LocalizedNames: Type.Optional(ByLanguage),
  Scopes: Type.Array(
    Type.Object({
      Name: Type.String(),
      Description: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
      LocalizedNames: Type.Optional(ByLanguage),
      LocalizedDescriptions: Type.Optional(ByLanguage),
    }),
  ),
  ResourceServers: Type.Array(Type.String()),
  OpenToSelfRegistered: Type.Boolean(),
  SiteType: Type.Optional(Type.String()),
  SiteUrl: Type.Optional(Type.String()),
  SiteProperties: Type.Optional(Type.Unsafe<Record<string, string>>(BY_NAME)),
}
const Shown = Type.Object(SHOWN)
const WARNINGS = { warnings: Type.Array(Type.String(), { description: 'what is possible but probably not intended' }) }
const Changed = Type.Object({ ...SHOWN, ...WARNINGS })

const ROUTES = {
  list: operation({
    id: 'listResources',
    tag,
    summary: 'List the API resources, newest first',
    query: pageQuery({}),
    answer: { 200: pageOf(Shown) },
  }),
  add: operation({
    id: 'addResource',
    tag,
    summary: 'Add an API resource',
    body: NewResource,
    answer: { 201: Changed },
  }),
  show: operation({
    id: 'showResource',
    tag,
    summary: 'Show an API resource',
    params,
    answer: { 200: Shown, 304: NOTHING },
  }),
  patch: operation({
    id: 'updateResource',
    tag,
    summary: 'Change an API resource; a scope that apps list cannot be removed',
    params,
    body: Patch,
    conditional: true,
    answer: { 200: Changed },
  }),
  remove: operation({
    id: 'removeResource',
    tag,
    summary: 'Remove an API resource that no app lists',
    params,
    conditional: true,
    answer: { 204: NOTHING, 200: Type.Object(WARNINGS) },
  }),
}

/** The APIs that access tokens are for, for administrators. */
export async function manageResourcesEndpoint(
  server: FastifyInstance,
  { resources }: { readonly resources: ManageResources },
): Promise<void> {
  server.get('/resources', { schema: ROUTES.list }, async (request, reply) =>
    sendPage(request, reply, await resources.page(readPageQuery(request))),
  )

  server.post<{ Body: NewInput }>('/resources', { schema: ROUTES.add }, async (request, reply) => {
    const { result, warnings } = await resources.add(request.body, administratorOf(request))
    const { record, version } = result
    const location = `${server.prefix}/resources/${encodeURIComponent(record.Identifier)}`
    return tagged(reply, version)
      .status(201)
      .header('location', location)
      .send({ ...record, warnings })
  })

  server.get<OfResource>('/resources/:identifier', { schema: ROUTES.show }, async (request, reply) =>
    sendTagged(request, reply, await resources.find(request.params.identifier)),
  )

  server.patch<OfResource & { Body: ResourceInput }>(
    '/resources/:identifier',
    { schema: ROUTES.patch },
    async (request, reply) => {
      const expected = readIfMatch(request)
      const by = administratorOf(request)
      const { result, warnings } = await resources.patch(request.params.identifier, request.body, expected, by)
      return tagged(reply, result.version).send({ ...result.record, warnings })
    },
  )

  server.delete<OfResource>('/resources/:identifier', { schema: ROUTES.remove }, async (request, reply) => {
    const expected = readIfMatch(request)
    const { warnings } = await resources.remove(request.params.identifier, expected, administratorOf(request))
    return warnings.length > 0 ? reply.send({ warnings }) : reply.status(204).send()
  })
}
