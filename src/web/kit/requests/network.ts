import type { FastifyRequest } from 'fastify'
import { isLoopback, networkOf } from '../../../lib/net/network.ts'

/** In which a proxy says for whom it speaks; a program that asks for itself sends none of them. */
const OF_PROXIES: readonly string[] = ['forwarded', 'via', 'x-real-ip']

type Asked = Pick<FastifyRequest, 'socket' | 'headers' | 'raw' | 'ip'>

/** Where requests come from, as far as limits and figures go. */
export interface Networks {
  /** Whether a program on this very machine asks, and no proxy on it can do so for anybody else. */
  readonly isFromThisMachine: (request: Asked) => boolean
  /**
   * The network that a request is counted under; none for programs of this machine, which could do it more harm than by asking.
   * Behind a proxy that is not declared everybody counts as the proxy does.
   */
  readonly networkToLimit: (request: Asked) => string | undefined
}

interface Facing {
  readonly issuer: string
  readonly trustedProxies: readonly string[]
}

/**
 * Under an issuer with TLS there is a proxy, and what it brings can look like what a program on its machine asks for itself. Only
 * where there is none does the address of the connection say who is asking: an issuer without TLS is for this machine alone.
 */
export function createNetworks({ issuer, trustedProxies }: Facing): Networks {
  const isForThisMachine = issuer.startsWith('http:') && trustedProxies.length === 0
  const isFromThisMachine = (request: Asked): boolean =>
    isForThisMachine && isLoopback(request.socket.remoteAddress ?? '') && !seemsForwarded(request)
  return {
    isFromThisMachine,
    networkToLimit: (request) => (isFromThisMachine(request) ? undefined : networkOf(request.ip)),
  }
}

/**
 * Whether a proxy shows: it says so in a header, names the host that people know, or speaks HTTP/1.0, as some do to their upstreams.
 * One that does none of this is not told from a program.
 */
export function seemsForwarded({ headers, raw }: Pick<Asked, 'headers' | 'raw'>): boolean {
  const isOfProxy = (name: string): boolean => OF_PROXIES.includes(name) || name.startsWith('x-forwarded-')
  return raw.httpVersion === '1.0' || Object.keys(headers).some(isOfProxy) || !isMachine(headers.host)
}

/** Names that lead nowhere but to a machine itself or to its neighbours. */
function isMachine(host = 'localhost'): boolean {
  const name = host.replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1')
  return name.endsWith('.localhost') || isLoopback(name) || !/[.:]/.test(name)
}
