import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Refused } from '../../../domain/refusals/errors.ts'
import { isLoopback } from '../../../lib/net/network.ts'
import { canonicalHost, isServable } from './target.ts'

/** Monitoring names a machine by whatever address it has. */
const ANY_HOST = ['/health/live', '/health/ready', '/metrics']
// Far more than browsers and proxies send; Node would drop what is beyond 2,000 without a word.
const MOST_HEADERS = 100
const USUAL_PORTS = ['80', '443']

interface Hosts {
  readonly issuer: string
  /** Further names, with their port where it is not the usual one. */
  readonly hosts: readonly string[]
}

/**
 * Turns away what is not for this server: nothing here is built from the name a client used, but a page of another name that
 * leads here is somebody's attempt at something.
 * @see RFC 9110 §7.2, §15.5.20
 */
export function requireAddressedHere(server: FastifyInstance, { issuer, hosts }: Hosts): void {
  const { host: ownHost, protocol } = new URL(issuer)
  const ownPorts = [protocol === 'https:' ? '443' : '80']
  // Under these names programs come through TLS or past it.
  const others = hosts.map((host) => canonicalHost(host, USUAL_PORTS))
  const known = [ownHost, ...hosts].map((host) => host.toLowerCase())
  const isKnown = (host: string): boolean =>
    canonicalHost(host, ownPorts) === ownHost || others.includes(canonicalHost(host, USUAL_PORTS))

  server.addHook('onRequest', async (request, reply) => {
    const { originalUrl, routeOptions } = request
    const { rawHeaders } = request.raw
    const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
    const malformed = (cause: string, status = 400): Refused => {
      reply.header('connection', 'close')
      const rule = 'request-malformed'
      return new Refused('invalid_request', 'the request is malformed or too large', { rule, cause }, { status })
    }
    if (names.length > MOST_HEADERS) throw malformed(`${names.length} header lines; ${MOST_HEADERS} are allowed`, 431)
    if (!isServable(originalUrl)) throw malformed('the request target is not a path of this server')
    const hostLines = names.filter((name) => name === 'host').length
    if (hostLines > 1) throw malformed('two Host headers')
    if (hostLines === 0 && request.raw.httpVersion !== '1.0') throw malformed('no Host header')
    // Where such a body ends, two readers see differently. RFC 9112 §6.1
    if (request.headers['transfer-encoding'] !== undefined && request.raw.httpVersion === '1.0')
      throw malformed('Transfer-Encoding in HTTP/1.0')
    const host = request.headers.host?.toLowerCase() ?? ''
    if (ANY_HOST.includes(routeOptions.url ?? '') || isKnown(host) || isThisMachine(request, host)) return
    throw new Refused(
      'invalid_request',
      'this server does not serve the host name of this request',
      { rule: 'host-unknown', cause: 'the Host header names another host', sent: host.slice(0, 255), expected: known },
      { status: 421 },
    )
  })
}

/** A program on this machine, or a proxy on it that names its upstream. */
function isThisMachine({ socket }: FastifyRequest, host: string): boolean {
  const name = host.replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1')
  return (name === 'localhost' || isLoopback(name)) && isLoopback(socket.remoteAddress ?? '')
}
