import type { FastifyRequest } from 'fastify'
import { isLoopback, networkOf } from '../../../lib/net/network.ts'

/** In which a proxy says for whom it speaks; a program that asks for itself sends none of them. */
const OF_PROXIES: readonly string[] = ['forwarded', 'via', 'x-real-ip']

/**
 * Whether a request was made by a program on this very machine. A proxy on it, declared or not, brings those of everybody: it says
 * so in a header, names the host that people know, or speaks HTTP/1.0, as nginx does to its upstreams.
 */
export function isFromThisMachine({
  socket,
  headers,
  raw,
}: Pick<FastifyRequest, 'socket' | 'headers' | 'raw'>): boolean {
  const isOfProxy = (name: string): boolean => OF_PROXIES.includes(name) || name.startsWith('x-forwarded-')
  if (raw.httpVersion === '1.0') return false
  return isLoopback(socket.remoteAddress ?? '') && !Object.keys(headers).some(isOfProxy) && isMachine(headers.host)
}

/** Names that lead nowhere but to a machine itself or to its neighbours. */
function isMachine(host = 'localhost'): boolean {
  const name = host.replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1')
  return name.endsWith('.localhost') || isLoopback(name) || !/[.:]/.test(name)
}

/**
 * The network that a request is counted under; none for programs of this machine, which could do it more harm than by asking.
 * Behind a proxy that is not declared everybody counts as the proxy does.
 */
export const networkToLimit = (request: FastifyRequest): string | undefined =>
  isFromThisMachine(request) ? undefined : networkOf(request.ip)
