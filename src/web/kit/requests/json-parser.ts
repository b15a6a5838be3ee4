import type { FastifyBodyParser, FastifyInstance } from 'fastify'
import type { Refused } from '../../../domain/refusals/errors.ts'
import { DEEPEST_JSON, isNestedTooDeep } from '../../../lib/text/bounded-json.ts'

export const TOO_DEEP = `the body is nested more than ${DEEPEST_JSON} levels deep`

/** The framework's parser of JSON bodies, which takes them however deep they are nested, behind a look at that. */
export function boundedJsonParser(server: FastifyInstance, tooDeep: () => Refused): FastifyBodyParser<string> {
  const parse = server.getDefaultJsonParser('error', 'error')
  return (request, body, done) => {
    if (isNestedTooDeep(body)) done(tooDeep())
    else void parse(request, body, done)
  }
}
