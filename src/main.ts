import type { Config } from './config.ts'
import type { Core } from './core.ts'
import { systemRandom } from './lib/secrets.ts'
import { buildServer } from './server.ts'

const LONGEST_SHUTDOWN = 10_000

/**
 * Runs the identity server until it is told to stop: SIGTERM finishes what was accepted, a second one does not wait.
 * @param core opened with this configuration; closed at the end
 */
export async function serve(config: Config, core: Core): Promise<void> {
  const app = await buildServer(config, core, systemRandom)
  app.addHook('onClose', () => core.store.close())

  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1)
    stopping = true
    app.log.info({ signal }, 'stopping')
    setTimeout(() => process.exit(1), LONGEST_SHUTDOWN).unref()
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        app.log.error({ err: error }, 'stopped with an error')
        process.exit(1)
      },
    )
  }
  // A connection kept alive for a request that never comes would hold up the end.
  app.addHook('onSend', async (_request, reply) => {
    if (stopping) reply.header('connection', 'close')
  })
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  await app.listen({ host: config.http.host, port: config.http.port })
  app.log.info({ issuer: config.issuer }, 'ready')
}
