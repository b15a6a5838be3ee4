import type { FastifyInstance } from 'fastify'
import { Refused } from '../../domain/refusals/errors.ts'

interface Dependencies {
  /** Rejects when the database does not answer. */
  readonly ping: () => Promise<void>
}

/** Alive says that the process answers; ready says that it can do its work. */
export async function healthEndpoint(server: FastifyInstance, { ping }: Dependencies): Promise<void> {
  server.get('/health/live', { exposeHeadRoute: true }, async () => ({ status: 'live' }))
  server.get('/health/ready', { exposeHeadRoute: true }, async () => {
    await ping().catch((error: Error) => {
      throw new Refused('temporarily_unavailable', 'the database does not answer', {
        rule: 'server-busy',
        cause: 'the database does not answer',
        message: error.message,
      })
    })
    return { status: 'ready' }
  })
}
