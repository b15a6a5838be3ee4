import type { FastifyInstance } from 'fastify'
import { isLoopback } from '../../../lib/net/network.ts'
import { seemsForwarded } from '../requests/network.ts'

/**
 * Says once on the log that people come through a proxy on this machine that does not say from where, and so share one limit.
 * An issuer without TLS has no proxy in front of it.
 */
export function warnOfUndeclaredProxy(server: FastifyInstance, issuer: string): void {
  let isSaid = !issuer.startsWith('https:')
  server.addHook('onRequest', async (request) => {
    if (isSaid || !isLoopback(request.ip) || (request.ips?.length ?? 0) > 1 || !seemsForwarded(request)) return
    isSaid = true
    request.log.warn(
      { proxy: request.ip },
      'requests come through a proxy on this machine that TESSERA_TRUSTED_PROXIES does not name, or that sends no X-Forwarded-For; everybody behind it shares the limits of one address',
    )
  })
}
