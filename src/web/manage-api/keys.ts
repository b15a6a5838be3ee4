import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ManageKeys, RotationInput } from '../../admin/grants/manage-keys.ts'
import { SIGNING_ALGORITHMS } from '../../domain/protocol/signing-algorithm.ts'
import { administratorOf } from '../kit/apis/administrator.ts'
import { NOTHING, operation } from '../kit/apis/operation.ts'

interface OfKey {
  readonly Params: { readonly kid: string }
}

const time = (description: string) => Type.String({ format: 'date-time', description })

const Key = Type.Object({
  kid: Type.String({ description: 'as in the key set, and in the header of what it signed' }),
  algorithm: Type.Unsafe<string>({ type: 'string', enum: [...SIGNING_ALGORITHMS] }),
  state: Type.Unsafe<string>({ type: 'string', enum: ['next', 'active', 'previous', 'retired'] }),
  createdAt: time('when it was made and published'),
  signsFrom: time('when it began to sign, or will'),
  retiresAt: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'when it stops being published, or null while none follows it',
  }),
})

const algorithmOf = Type.Unsafe<RotationInput['algorithm']>({
  type: 'string',
  enum: [...SIGNING_ALGORITHMS],
  description: `one of ${SIGNING_ALGORITHMS.join(', ')}; default: the instance's own`,
})
const Rotation = Type.Object(
  {
    algorithm: Type.Optional(algorithmOf),
    publishFor: Type.Optional(
      Type.String({ maxLength: 32, description: 'how long it is published before it signs, such as 1h (the default)' }),
    ),
    force: Type.Optional(
      Type.Boolean({ description: 'true to rotate even if verifiers could miss the key, or another is about to sign' }),
    ),
  },
  { additionalProperties: false },
)

const ROUTES = {
  list: operation({
    id: 'listKeys',
    tag: 'keys',
    summary: 'List the signing keys, newest first',
    answer: { 200: Type.Object({ items: Type.Array(Key) }) },
  }),
  rotate: operation({
    id: 'rotateKeys',
    tag: 'keys',
    summary: 'Publish a new key, which takes over signing later',
    body: Rotation,
    answer: { 201: Key },
  }),
  revoke: operation({
    id: 'revokeKey',
    tag: 'keys',
    summary: 'Revoke a signing key: whatever it signed is refused at once, and another key signs',
    params: { kid: 'the kid of the key' },
    answer: { 204: NOTHING },
  }),
}

/** The keys that sign tokens, for administrators. */
export async function manageKeysEndpoint(
  server: FastifyInstance,
  { keys }: { readonly keys: ManageKeys },
): Promise<void> {
  server.get('/keys', { schema: ROUTES.list }, () => keys.list())

  server.post<{ Body: RotationInput }>('/keys', { schema: ROUTES.rotate }, async (request, reply) =>
    reply.status(201).send(await keys.rotate(request.body, administratorOf(request))),
  )

  server.delete<OfKey>('/keys/:kid', { schema: ROUTES.revoke }, async (request, reply) => {
    await keys.revoke(request.params.kid, administratorOf(request))
    return reply.status(204).send()
  })
}
