import type { FastifyInstance } from 'fastify'
import { Refused } from '../../domain/refusals/errors.ts'

interface Dependencies {
  /** Rejects when the database does not answer. */
  readonly ping: () => Promise<void>
  /** Why the server cannot do all of its work though the database answers, and what to do. */
  readonly whyNotReady: () => string | undefined
}

/** Alive says that the process answers; ready says that it can do its work. */
export async function healthEndpoint(server: FastifyInstance, { ping, whyNotReady }: Dependencies): Promise<void> {
  server.get('/health/live', async () => ({ status: 'live' }))
  server.get('/health/ready', async () => {
    await ping().catch((error: Error) => {
      throw new Refused('temporarily_unavailable', 'the database does not answer', {
        rule: 'server-busy',
        cause: 'the database does not answer',
        message: error.message,
      })
    })
    const cause = whyNotReady()
    if (cause !== undefined)
      throw new Refused('temporarily_unavailable', 'the master key in force is missing', { rule: 'server-busy', cause })
    return { status: 'ready' }
  })
}
