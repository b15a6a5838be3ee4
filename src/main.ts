import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Config } from './config.ts'
import type { Core } from './core.ts'
import type { AuditRecord } from './domain/audit.ts'
import { OAuthError } from './domain/errors.ts'
import { systemClock } from './lib/clock.ts'
import { createLineOutput } from './lib/line-output.ts'
import { systemRandom } from './lib/secrets.ts'
import { standardOutput } from './lib/standard-output.ts'
import { startMaintenance } from './maintenance/start.ts'
import { createForgetUnused } from './registration/forget-unused.ts'
import { buildServer } from './server.ts'
import { heedSignals } from './signals.ts'

// Milliseconds, beyond the time in which others learn that this node stops.
const LONGEST_SHUTDOWN = 8000
// Milliseconds that a slow reader of the log is waited for at the end.
const LAST_LINES = 500

/**
 * Runs the identity server until it is told to stop: SIGTERM finishes what was accepted, a second one does not wait. It goes on
 * whether or not anybody takes its log.
 * @param core opened with this configuration; closed at the end
 */
export async function serve(config: Config, core: Core): Promise<void> {
  const output = createLineOutput({ sink: standardOutput(), tellLost })
  const app = await buildServer(config, core, systemRandom, output)
  const tell = (record: AuditRecord): void => app.log.info({ audit: record }, record.event)
  const maintenance = startMaintenance({
    ...core,
    log: app.log,
    longestSession: config.sessions.absolute,
    forgetUnused: createForgetUnused({ ...core, ...config.registration, tell }),
    sendLogouts: app.sendLogouts,
  })

  async function finish(): Promise<void> {
    await app.close()
    await maintenance.stop()
    await core.close()
  }

  const exit = (code: number): void => void output.flush(LAST_LINES).then(() => process.exit(code))

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
        () => exit(0),
        (error: unknown) => {
          app.log.error({ err: error }, 'stopped with an error')
          exit(1)
        },
      )
  }
  announceStop(app, () => stopping)
  heedSignals({ log: app.log, stop, die: () => exit(1) })

  try {
    await app.listen({ host: config.http.host, port: config.http.port })
  } catch (error) {
    // Open connections to a database server would keep the process alive.
    await finish()
    throw error
  }
  app.log.info({ issuer: config.issuer }, 'ready')
}

/** A line of the log as every other. */
const tellLost = (count: number): string =>
  `${JSON.stringify({ level: 40, time: systemClock(), lost: count, msg: `${count} lines of the log were lost` })}\n`

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
