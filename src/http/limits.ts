import type { Server } from 'node:http'
import type { FastifyHttpOptions } from 'fastify'
import { describeRequest } from './log-request.ts'

interface HttpSection {
  readonly trustedProxies: readonly string[]
  readonly logLevel: string
}

/** Takes the log, one JSON line a record. */
export interface LogStream {
  write(line: string): void
}

const KIBIBYTE = 1024
const SECOND = 1000

/** Bytes of a body in which an app may prove itself by a JWT; every other body is smaller. */
export const LONGEST_ASSERTING_BODY = 64 * KIBIBYTE

/** Limits and timeouts of the HTTP server; the framework's own defaults for most of them are "never". */
export const fastifyOptions = (
  { trustedProxies, logLevel }: HttpSection,
  log?: LogStream,
): FastifyHttpOptions<Server> => ({
  bodyLimit: 16 * KIBIBYTE,
  requestTimeout: 15 * SECOND,
  connectionTimeout: 60 * SECOND,
  // Longer than a proxy's, so that the proxy is the one that closes.
  keepAliveTimeout: 65 * SECOND,
  maxRequestsPerSocket: 1000,
  http: { maxHeaderSize: 16 * KIBIBYTE, headersTimeout: 10 * SECOND },
  trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
  // What comes on an open connection while the server stops is answered as ever.
  return503OnClosing: false,
  forceCloseConnections: 'idle',
  exposeHeadRoutes: false,
  // The router answers an address it cannot decode by itself, past every hook; this way it is refused like any other.
  rewriteUrl: ({ url = '/' }) => (isDecodable(url) ? url : '/malformed-address'),
  routerOptions: { maxParamLength: 200 },
  ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
  logger: {
    level: logLevel,
    ...(log ? { stream: log } : {}),
    serializers: { req: describeRequest },
  },
})

function isDecodable(url: string): boolean {
  try {
    decodeURI(url.split('?')[0] ?? '')
    return true
  } catch {
    return false
  }
}
