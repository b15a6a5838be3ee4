import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Refused } from '../../../domain/refusals/errors.ts'
import { boundedJsonParser } from './json-parser.ts'

/** Reads JSON bodies, and no others, in this part of the server. */
export function registerJsonObject(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  // Bodies here are client metadata. RFC 7591 §3.2.2
  const refuse = (fault: string) =>
    new Refused('invalid_client_metadata', fault, { rule: 'registration-metadata', cause: fault })
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, boundedJsonParser(server, refuse))
  server.addContentTypeParser('*', (_request, _payload, done) => {
    const cause = 'the Content-Type of the body is wrong or missing'
    done(
      new Refused(
        'invalid_request',
        'the body must be application/json',
        { rule: 'body-type-wrong', cause },
        { status: 415 },
      ),
    )
  })
}

/** @throws Refused `invalid_request` for anything but an object */
export function jsonObject({ body }: FastifyRequest): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>
  throw new Refused('invalid_request', 'the body must be a JSON object', {
    rule: 'request-malformed',
    cause: 'the body is JSON, but not an object',
  })
}
