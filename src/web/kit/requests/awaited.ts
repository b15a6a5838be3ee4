import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * Ends with the time for an answer, or with the connection: what somebody was told did not happen must not happen later. The
 * framework's own `request.signal` ends as soon as a body has been read.
 */
export function whileAwaited({ routeOptions }: FastifyRequest, { raw }: FastifyReply): AbortSignal {
  const awaited = new AbortController()
  const timer = setTimeout(() => awaited.abort(), routeOptions.handlerTimeout)
  raw.once('close', () => {
    clearTimeout(timer)
    awaited.abort()
  })
  return awaited.signal
}
