import type { FastifyInstance, FastifyRequest } from 'fastify'
import { OAuthError } from '../domain/errors.ts'

/** Reads JSON bodies, and no others, in this part of the server. */
export function registerJsonObject(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'))
  app.addContentTypeParser('*', (_request, _payload, done) => {
    const cause = 'the Content-Type of the body is another one, or missing'
    done(
      new OAuthError(
        'invalid_request',
        'the body must be application/json',
        { rule: 'body-type-wrong', cause },
        { status: 415 },
      ),
    )
  })
}

/** @throws OAuthError `invalid_request` for anything but an object */
export function jsonObject({ body }: FastifyRequest): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>
  throw new OAuthError('invalid_request', 'the body must be a JSON object', {
    rule: 'request-malformed',
    cause: 'the body is JSON, but no object',
  })
}
