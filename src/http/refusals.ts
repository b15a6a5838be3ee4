import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { OAuthError } from '../domain/errors.ts'
import { newShortId, type Random } from '../lib/secrets.ts'

/** Notes a refusal for the operator and returns the id that the client is shown. */
export type Refuse = (request: FastifyRequest, error: OAuthError) => string

/** Writes every refusal to the log under its id: what the client was told, and what only the operator may know. */
export function createRefuse(log: FastifyBaseLogger, random: Random): Refuse {
  return (request, error) => {
    const id = newShortId(random)
    const level = error.status >= 500 ? 'error' : 'info'
    log[level](
      {
        refusal: id,
        endpoint: request.routeOptions.url ?? 'unknown',
        method: request.method,
        status: error.status,
        error: error.code,
        description: error.description,
        cause: error.detail,
        address: request.ip,
      },
      'refused',
    )
    return id
  }
}
