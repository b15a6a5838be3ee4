import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { LONGEST_NAME } from '../../../domain/records/longest-name.ts'
import type { Page, PageQuery } from '../../../domain/records/paging.ts'
import { cursorMalformed } from '../../../domain/refusals/cursor-malformed.ts'

const USUAL_LIMIT = 50

const PAGE = {
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9]|[1-9][0-9]|1[0-9][0-9]|200)$',
      description: 'a number from 1 to 200; default: 50',
    }),
  ),
  cursor: Type.Optional(Type.String({ maxLength: 1024, description: 'the `next` value of the previous page' })),
}

/** The query of a list: its values are text, as in any URL. @param filters what else it may hold */
export const pageQuery = (filters: Readonly<Record<string, string>>) =>
  Type.Object(
    {
      ...PAGE,
      ...Object.fromEntries(
        Object.entries(filters).map(([name, description]) => [
          name,
          Type.Optional(Type.String({ minLength: 1, maxLength: LONGEST_NAME, description })),
        ]),
      ),
    },
    { additionalProperties: false },
  )

/** The query of a list of records. */
export const PageQuerySchema = Type.Object(
  {
    ...PAGE,
    isEnabled: Type.Optional(Type.String({ enum: ['true', 'false'], description: 'true or false' })),
    q: Type.Optional(
      Type.String({ minLength: 1, maxLength: LONGEST_NAME, description: 'a text that the name contains' }),
    ),
  },
  { additionalProperties: false },
)

export const pageOf = (item: ReturnType<typeof Type.Object>) =>
  Type.Object({
    items: Type.Array(item),
    next: Type.Union([Type.String(), Type.Null()], { description: 'the `cursor` of the next page, or null' }),
  })

type Query = Readonly<Record<string, string | undefined>>

const toCursor = (key: string): string => Buffer.from(key, 'utf8').toString('base64url')

function readCursor(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString('utf8')
  if (cursor === '' || toCursor(key) !== cursor)
    throw cursorMalformed([{ attribute: 'cursor', reason: 'is not the `next` value of a page' }])
  return key
}

/** Which part of a list a request wants. */
export function readPageQuery(request: FastifyRequest): PageQuery {
  const { limit, cursor, isEnabled, q } = request.query as Query
  return {
    limit: limit === undefined ? USUAL_LIMIT : Number(limit),
    after: cursor === undefined ? undefined : readCursor(cursor),
    isEnabled: isEnabled === undefined ? undefined : isEnabled === 'true',
    like: q,
  }
}

/** Answers with a page, and leads on to the next one. @see RFC 8288 §3 */
export function sendPage(request: FastifyRequest, reply: FastifyReply, { items, next }: Page<unknown>): FastifyReply {
  if (next === undefined) return reply.send({ items, next: null })
  const cursor = toCursor(next)
  const [path = '', query = ''] = request.url.split('?')
  const parameters = new URLSearchParams(query)
  parameters.set('cursor', cursor)
  return reply.header('link', `<${path}?${parameters}>; rel="next"`).send({ items, next: cursor })
}
