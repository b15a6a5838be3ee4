import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { ManageFiles, SentFiles } from '../../config-files/apply/manage-files.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { administratorOf } from '../kit/apis/administrator.ts'
import { operation } from '../kit/apis/operation.ts'
import { whileAwaited } from '../kit/requests/awaited.ts'
import { readIfMatch, tagged } from '../kit/requests/preconditions.ts'

const tag = 'files'

const File = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 200 }), text: Type.String() },
  { additionalProperties: false },
)
const Files = Type.Object(
  {
    files: Type.Optional(
      Type.Array(File, {
        minItems: 1,
        maxItems: 100,
        description: 'a list of files, each with its name and text, YAML or JSON',
      }),
    ),
    document: Type.Optional(
      Type.Unsafe<object>({ type: 'object', description: 'one file as JSON: apps, users, resources, settings' }),
    ),
    variables: Type.Optional(
      Type.Unsafe<Readonly<Record<string, string>>>({
        type: 'object',
        additionalProperties: { type: 'string' },
        description: 'what variables of the files stand for: names and texts',
      }),
    ),
    prune: Type.Optional(
      Type.Boolean({ description: 'true to remove records that the files do not name, of kinds they speak of' }),
    ),
  },
  { additionalProperties: false },
)

interface Body {
  readonly files?: readonly { readonly name: string; readonly text: string }[]
  readonly document?: object
  readonly variables?: Readonly<Record<string, string>>
  readonly prune?: boolean
}

const Change = Type.Object({
  kind: Type.String({ enum: ['resource', 'user', 'app', 'setting'] }),
  id: Type.String(),
  action: Type.String({ enum: ['create', 'update', 'remove'] }),
  fields: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }),
})
const Changes = Type.Object({ changes: Type.Array(Change), warnings: Type.Array(Type.String()) })

const ROUTES = {
  plan: operation({
    id: 'planFiles',
    tag,
    summary: 'Tell what applying files would change; the ETag names this plan',
    body: Files,
    answer: { 200: Changes },
  }),
  apply: operation({
    id: 'applyFiles',
    tag,
    summary: 'Make the changes of a plan, which If-Match names, in one transaction',
    body: Files,
    conditional: true,
    answer: { 200: Changes },
  }),
}

/** Configuration files, for administrators: planned and applied as the command line does. */
export async function manageFilesEndpoint(
  server: FastifyInstance,
  { files }: { readonly files: ManageFiles },
): Promise<void> {
  server.post<{ Body: Body }>('/plan', { schema: ROUTES.plan }, async (request, reply) => {
    const { record, version } = await files.plan(
      filesOf(request),
      administratorOf(request),
      whileAwaited(request, reply),
    )
    return tagged(reply, version).send(record)
  })

  server.post<{ Body: Body }>('/apply', { schema: ROUTES.apply }, async (request, reply) => {
    const expected = readIfMatch(request)
    const awaited = whileAwaited(request, reply)
    const { record, version } = await files.apply(filesOf(request), expected, administratorOf(request), awaited)
    return tagged(reply, version).send(record)
  })
}

/** @throws Refused `invalid_request` unless there is one or the other */
function filesOf({ body }: FastifyRequest<{ Body: Body }>): SentFiles {
  const { files, document, variables = {}, prune = false } = body
  if ((files === undefined) === (document === undefined)) {
    const cause = 'the body must have either files or document'
    const faults = [{ attribute: 'files', reason: 'is required, unless there is a document; not both' }]
    throw new Refused('invalid_request', cause, { rule: 'members-wrong', cause }, { faults })
  }
  const texts = (files ?? []).map((file) => ({ file: file.name, text: file.text }))
  return { texts: document ? [{ file: 'document', text: JSON.stringify(document) }] : texts, variables, prune }
}
