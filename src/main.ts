import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Config } from './config.ts'
import type { Core } from './core.ts'
import { OAuthError } from './domain/errors.ts'
import { systemRandom } from './lib/secrets.ts'
import { startMaintenance } from './maintenance/start.ts'
import { buildServer } from './server.ts'

// Milliseconds, beyond the time in which others learn that this node stops.
const LONGEST_SHUTDOWN = 8000

/**
 * Runs the identity server until it is told to stop: SIGTERM finishes what was accepted, a second one does not wait.
 * @param core opened with this configuration; closed at the end
 */
export async function serve(config: Config, core: Core): Promise<void> {
  const app = await buildServer(config, core, systemRandom)
  const maintenance = startMaintenance({ ...core, log: app.log, longestSession: config.sessions.absolute })

  async function finish(): Promise<void> {
    await app.close()
    await maintenance.stop()
    await core.close()
  }

  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1)
    stopping = true
    // Nobody balances load over a terminal.
    const notice = signal === 'SIGINT' ? 0 : config.http.shutdownDelay
    app.log.info({ signal, notice }, 'stopping')
    setTimeout(() => process.exit(1), notice + LONGEST_SHUTDOWN).unref()
    delay(notice)
      .then(finish)
      .then(
        () => process.exit(0),
        (error: unknown) => {
          app.log.error({ err: error }, 'stopped with an error')
          process.exit(1)
        },
      )
  }
  announceStop(app, () => stopping)
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  try {
    await app.listen({ host: config.http.host, port: config.http.port })
  } catch (error) {
    // Open connections to a database server would keep the process alive.
    await finish()
    throw error
  }
  app.log.info({ issuer: config.issuer }, 'ready')
}

/** While the server stops it is not ready any more, answers what still comes, and lets no connection live on. */
function announceStop(app: FastifyInstance, isStopping: () => boolean): void {
  app.addHook('onRequest', async (request) => {
    if (isStopping() && request.routeOptions.url === '/health/ready')
      throw new OAuthError('temporarily_unavailable', 'the server is stopping', {
        rule: 'server-busy',
        cause: 'SIGTERM',
      })
  })
  app.addHook('onSend', async (_request, reply) => {
    if (isStopping()) reply.header('connection', 'close')
  })
}
