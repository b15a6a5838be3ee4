import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Refused } from '../../../domain/refusals/errors.ts'

/** Refuses bodies that are packed, or not in UTF-8: they would be read as something that nobody has sent. */
export function refuseCodedBody(server: FastifyInstance): void {
  server.addHook('preParsing', async (request, reply) => {
    const { headers } = request
    const packing = headers['content-encoding']?.trim().toLowerCase() ?? ''
    if (packing !== '' && packing !== 'identity') {
      reply.header('accept-encoding', 'identity')
      throw refuse('the body must not be packed: leave Content-Encoding out', `Content-Encoding is ${shown(packing)}`)
    }
    const charset = charsetsOf(request).find((name) => !UTF_8.includes(name))
    if (charset !== undefined) throw refuse('the body must be in UTF-8', `the charset of the body is ${shown(charset)}`)
  })
}

/** What is ASCII is UTF-8 as well. */
const UTF_8 = ['utf-8', 'utf8', 'us-ascii', 'ascii']

const charsetsOf = ({ headers }: FastifyRequest): string[] =>
  (headers['content-type'] ?? '')
    .split(';')
    .slice(1)
    .map((parameter) => parameter.split('='))
    .filter(([name = '']) => name.trim().toLowerCase() === 'charset')
    .map(([, value = '']) => value.trim().replace(/^"|"$/g, '').toLowerCase())

/** For bytes of a body, encoded or not, that say one thing and are sent as another. */
export const bodyNotUtf8 = (): Refused =>
  new Refused('invalid_request', 'the body must be in UTF-8', {
    rule: 'body-coding-wrong',
    cause: 'the bytes of the body, or those that are percent-encoded in it, are not UTF-8',
  })

const shown = (text: string): string => JSON.stringify(text.slice(0, 40))

/** @see RFC 9110 §15.5.16, §12.5.3 */
const refuse = (description: string, cause: string): Refused =>
  new Refused('invalid_request', description, { rule: 'body-coding-wrong', cause }, { status: 415 })
