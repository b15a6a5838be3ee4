import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

/**
 * Ends a request whose sender hung up while something was looked up for it, before its body was read: of that connection no reader
 * of the body hears any more, so that the request would never end, and nobody would note it.
 */
export function refuseHungUp(server: FastifyInstance): void {
  server.addHook('preParsing', (request, _reply, payload, done) => {
    const { raw } = request
    if (raw.destroyed && (!raw.complete || hasBody(raw))) done(hungUp())
    else done(null, payload)
  })
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** What the reader of a body says of a connection that breaks. */
const hungUp = (): Error => Object.assign(new Error('aborted'), { code: 'ECONNRESET', statusCode: 400 })
