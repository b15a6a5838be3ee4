import type { FastifyRequest } from 'fastify'
import { isLoopback, networkOf } from '../../../lib/net/network.ts'

/**
 * The network that a request is counted under; none for requests of this machine itself, where a proxy that is not declared
 * speaks for everybody, and one limit for all of them would lock everybody out.
 */
export function networkToLimit(request: FastifyRequest): string | undefined {
  // Whoever is behind a trusted proxy is not this machine, whatever the header says.
  const forwarded = (request.ips?.length ?? 0) > 1
  return isLoopback(request.ip) && !forwarded ? undefined : networkOf(request.ip)
}
