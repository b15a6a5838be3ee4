import type { Server } from 'node:http'
import { type FastifyHttpOptions, LogController } from 'fastify'
import { LONGEST_NAME } from '../../../domain/records/longest-name.ts'
import type { AnswerUnreadable } from '../answers/unreadable.ts'
import { parseForm } from '../requests/form-body.ts'
import { readTarget } from '../requests/target.ts'
import { describeRequest } from './log-request.ts'

interface HttpSection {
  readonly trustedProxies: readonly string[]
  readonly logLevel: string
}

/** Takes the log, one JSON line a record. */
export interface LogStream {
  write(line: string): void
  /** How many lines were lost. */
  lost?(): number
}

const KIBIBYTE = 1024
const SECOND = 1000

/** Bytes of a body in which an app may prove itself by a JWT; every other body is smaller. */
export const LONGEST_ASSERTING_BODY = 64 * KIBIBYTE
/** How long a connection may take over what, in milliseconds. */
export const TIMEOUTS = {
  /** Until the header is there. */
  headers: 10 * SECOND,
  /** Until the whole request is there. */
  request: 15 * SECOND,
  /** Until the answer to a request without a body is ready; of one with a body each part has its limit (docs/operating.md). */
  handler: 10 * SECOND,
  /** Without a byte in either direction. */
  connection: 60 * SECOND,
  /** Between two requests; longer than a proxy's, so that the proxy is the one that closes. */
  keepAlive: 65 * SECOND,
  /** How often all of that is looked at; Node would do so every half minute. */
  checking: SECOND,
}
export type Timeouts = typeof TIMEOUTS

/** Connections at once, of one process, and as many that wait to be accepted: a rush is no reason to be turned away. */
export const MOST_CONNECTIONS = 4096

/** Limits and timeouts of the HTTP server; the framework's own defaults for most of them are "never". */
export const fastifyOptions = (
  { trustedProxies, logLevel }: HttpSection,
  log: LogStream | undefined,
  timeouts: Timeouts,
  answerUnreadable: AnswerUnreadable,
): FastifyHttpOptions<Server> => ({
  bodyLimit: 16 * KIBIBYTE,
  requestTimeout: timeouts.request,
  connectionTimeout: timeouts.connection,
  keepAliveTimeout: timeouts.keepAlive,
  handlerTimeout: timeouts.handler,
  maxRequestsPerSocket: 1000,
  http: {
    maxHeaderSize: 16 * KIBIBYTE,
    headersTimeout: timeouts.headers,
    // Node would answer by itself, without a word; it is refused like everything else.
    requireHostHeader: false,
    connectionsCheckingInterval: timeouts.checking,
  },
  clientErrorHandler: answerUnreadable,
  trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
  // What comes on an open connection while the server stops is answered as ever.
  return503OnClosing: false,
  forceCloseConnections: 'idle',
  // RFC 9110 §9.3.2: whoever may GET may ask with HEAD what the answer would be.
  exposeHeadRoutes: true,
  // The router answers an address it cannot decode by itself, past every hook; this way it is refused like any other.
  rewriteUrl: (request) => {
    const path = readTarget(request)
    return isDecodable(path) ? path : '/malformed-address'
  },
  // A record whose name is longer than this would have no address.
  routerOptions: { maxParamLength: LONGEST_NAME, querystringParser: parseForm },
  ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
  logger: {
    level: logLevel,
    ...(log ? { stream: log } : {}),
    serializers: { req: describeRequest },
  },
  // Two lines, before and after; `log-request.ts` writes one.
  logController: new LogController({ disableRequestLogging: true }),
})

function isDecodable(url: string): boolean {
  try {
    decodeURI(url.split('?')[0] ?? '')
    return true
  } catch {
    return false
  }
}
