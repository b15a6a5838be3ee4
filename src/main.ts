import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Core } from './compose/core.ts'
import { startMaintenance } from './compose/maintenance.ts'
import { buildServer } from './compose/server.ts'
import { heedSignals } from './compose/signals.ts'
import type { Config } from './config/read-config.ts'
import { Refused } from './domain/refusals/errors.ts'
import { systemRandom } from './lib/crypto/secrets.ts'
import { createLineOutput } from './lib/flow/line-output.ts'
import { repeat } from './lib/flow/repeat.ts'
import { standardOutput } from './lib/flow/standard-output.ts'
import { systemClock } from './lib/time/clock.ts'
import { MOST_CONNECTIONS } from './web/kit/limits/limits.ts'

// Milliseconds, beyond the time in which others learn that this node stops.
const LONGEST_SHUTDOWN = 8000
// Milliseconds that a slow reader of the log is waited for at the end.
const LAST_LINES = 500
// Milliseconds between two looks whether the database is still the one that was opened.
const LOOK_EVERY = 1000

/**
 * Runs the identity server until it is told to stop: SIGTERM finishes what was accepted, a second one does not wait. It goes on
 * whether or not anybody takes its log.
 * @param core opened with this configuration; closed at the end
 */
export async function serve(config: Config, core: Core): Promise<void> {
  const output = createLineOutput({ sink: standardOutput(), describeLost })
  const server = await buildServer(config, core, { random: systemRandom, log: output })
  const maintenance = startMaintenance({
    store: core.store,
    time: core.time,
    keys: core.keys,
    audit: server.audit,
    log: server.log,
    longestSession: config.sessions.absolute,
    forgetUnused: server.forgetUnused,
    rounds: server.outbox.rounds,
  })

  async function finish(): Promise<void> {
    await watch.stop()
    await server.close()
    await maintenance.stop()
    await core.close()
  }

  const exit = (code: number): void => void output.flush(LAST_LINES).then(() => process.exit(code))

  let stopping: string | undefined
  function end(reason: string, notice: number, exitCode: 0 | 1): void {
    stopping = reason
    setTimeout(() => process.exit(1), notice + LONGEST_SHUTDOWN).unref()
    delay(notice)
      .then(finish)
      .then(
        () => exit(exitCode),
        (error: unknown) => {
          server.log.error({ err: error }, 'stopped with an error')
          exit(1)
        },
      )
  }
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping !== undefined) process.exit(1)
    // Nobody balances load over a terminal.
    const notice = signal === 'SIGINT' ? 0 : config.http.shutdownDelay
    server.log.info({ signal, notice }, 'stopping')
    end(signal, notice, 0)
  }
  /** What is answered from a file that nobody finds any more is not the truth; whoever starts the server again gets the right one. */
  async function stopWhenLost(): Promise<void> {
    const reason = core.store.whyLost()
    if (reason === undefined || stopping !== undefined) return
    server.log.fatal({ reason }, `${reason}; stopping`)
    end(reason, 0, 1)
  }
  const watch = repeat(LOOK_EVERY, stopWhenLost, () => undefined)
  announceStop(server, () => stopping)
  heedSignals({ log: server.log, stop, die: () => exit(1) })

  try {
    await server.listen({ host: config.http.host, port: config.http.port, backlog: MOST_CONNECTIONS })
  } catch (error) {
    // Open connections to a database server would keep the process alive.
    await finish()
    throw error
  }
  server.log.info({ issuer: config.issuer }, 'ready')
}

/** A line of the log as every other. */
const describeLost = (count: number): string =>
  `${JSON.stringify({ level: 40, time: systemClock(), lost: count, msg: `${count} log lines were lost` })}\n`

/** While the server stops it is not ready any more, answers what still comes, and lets no connection live on. */
function announceStop(server: FastifyInstance, whyStopping: () => string | undefined): void {
  server.addHook('onRequest', async (request) => {
    const reason = whyStopping()
    if (reason !== undefined && request.routeOptions.url === '/health/ready')
      throw new Refused('temporarily_unavailable', 'the server is stopping', {
        rule: 'server-busy',
        cause: reason,
      })
  })
  server.addHook('onSend', async (_request, reply) => {
    if (whyStopping() !== undefined) reply.header('connection', 'close')
  })
}
