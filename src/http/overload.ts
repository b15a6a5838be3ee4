import type { FastifyInstance } from 'fastify'
import { OAuthError } from '../domain/errors.ts'

// At a thousand answers a second the last of them is answered within half a second.
const MOST_IN_PROGRESS = 500

/** Monitoring must see an overload, not share it. */
const EXEMPT = ['/health/live', '/health/ready', '/metrics']

/** Turns away at once what could only wait: a client that is told so tries again, one that waits gives up and asks twice. */
export function registerOverload(app: FastifyInstance): void {
  let inProgress = 0

  // Whoever sends slowly is not being worked for, so counting begins when the whole request is there.
  app.addHook('preHandler', async (request, reply) => {
    if (EXEMPT.includes(request.routeOptions.url ?? '')) return
    if (inProgress >= MOST_IN_PROGRESS)
      throw new OAuthError('temporarily_unavailable', 'too much is asked of the server right now; try again shortly', {
        rule: 'server-busy',
        cause: `${MOST_IN_PROGRESS} requests are in progress`,
      })
    inProgress += 1
    reply.raw.once('close', () => {
      inProgress -= 1
    })
  })
}
