import type { FastifyBodyParser, FastifyInstance } from 'fastify'
import type { Refused } from '../../../domain/refusals/errors.ts'
import { DEEPEST_JSON, hasTwinNames, isNestedTooDeep } from '../../../lib/text/bounded-json.ts'
import { decodeUtf8 } from '../../../lib/text/utf8.ts'
import { bodyNotUtf8 } from './body-coding.ts'

const TOO_DEEP = `the body is nested more than ${DEEPEST_JSON} levels deep`
const TWINS = 'the body names a member twice'

/**
 * The framework's parser of JSON bodies, which takes them however deep they are nested and whatever they repeat, between looks at
 * that.
 * @param refuse says what is wrong with the body
 */
export function boundedJsonParser(
  server: FastifyInstance,
  refuse: (fault: string) => Refused,
): FastifyBodyParser<Buffer> {
  const parse = server.getDefaultJsonParser('error', 'error')
  return (request, bytes, done) => {
    const body = decodeUtf8(bytes)
    if (body === undefined) return done(bodyNotUtf8())
    if (isNestedTooDeep(body)) return done(refuse(TOO_DEEP))
    void parse(request, body, (error, value) => {
      if (error === null && hasTwinNames(body)) done(refuse(TWINS))
      else done(error, value)
    })
  }
}
