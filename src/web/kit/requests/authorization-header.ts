import type { FastifyRequest } from 'fastify'
import { Refused } from '../../../domain/refusals/errors.ts'

/**
 * The Authorization header of a request. Of two, Node would keep the first and a proxy perhaps the second.
 * @throws Refused `invalid_request` when it is sent more than once
 * @see RFC 6749 §2.3
 */
export function authorizationHeader(request: FastifyRequest): string | undefined {
  const names = request.raw.rawHeaders.filter((_, index) => index % 2 === 0)
  if (names.filter((name) => name.toLowerCase() === 'authorization').length > 1) {
    throw new Refused('invalid_request', 'the Authorization header was sent more than once', {
      rule: 'authorization-header-repeated',
      cause: 'two Authorization headers came with one request',
    })
  }
  return request.headers.authorization
}
