import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ManageKeys } from '../../admin/grants/manage-keys.ts'
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

const ROUTES = {
  list: operation({
    id: 'listKeys',
    tag: 'keys',
    summary: 'List the signing keys, newest first',
    answer: { 200: Type.Object({ items: Type.Array(Key) }) },
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

  server.delete<OfKey>('/keys/:kid', { schema: ROUTES.revoke }, async (request, reply) => {
    await keys.revoke(request.params.kid, administratorOf(request))
    return reply.status(204).send()
  })
}
