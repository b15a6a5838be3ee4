import type { FastifyInstance, FastifyReply } from 'fastify'
import { Refused } from '../../domain/refusals/errors.ts'
import type { Brand } from '../kit/answers/brand.ts'

interface Dependencies {
  readonly brand: Pick<Brand, 'shown'>
}

/** The sheet and the picture that administrators have given the pages. */
export async function brandFiles(server: FastifyInstance, { brand }: Dependencies): Promise<void> {
  const config = { brand: true } as const

  server.get('/brand/style.css', { config }, async (_request, reply) => {
    const { sheet } = brand.shown()
    return keep(reply, sheet === '' ? undefined : { type: 'text/css; charset=utf-8', bytes: Buffer.from(sheet) })
  })

  server.get('/brand/logo', { config }, async (_request, reply) => keep(reply, brand.shown().logo))
}

function keep(reply: FastifyReply, file: { readonly type: string; readonly bytes: Buffer } | undefined): FastifyReply {
  if (file === undefined)
    throw new Refused('not_found', 'the pages look as Tessera comes', {
      rule: 'address-unknown',
      cause: 'no setting of the instance gives the pages this file',
    })
  return reply.header('cache-control', 'public, max-age=3600').type(file.type).send(file.bytes)
}
