import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type Activity, registerActivity } from './activity.ts'

/** Figures that are asked for when somebody looks. */
export interface Figures {
  /** How many lines of the log this process could not write. */
  readonly lostLogLines: () => number
  /** How large the database is, in bytes. */
  readonly databaseSize: () => Promise<number>
  /** How many licence slots there are, nothing for any number, and how many API sessions live. */
  readonly licence: () => Promise<{ readonly slots: number | undefined; readonly live: number }>
  /** What became of telling apps of sign-outs in this process, and how many are still to be told. */
  readonly logoutNotices: () => Promise<{ readonly tally: Readonly<Record<string, number>>; readonly waiting: number }>
  /** How many requests are worked for, how many wait for other servers, and how many were turned away so far, by what was full. */
  readonly requests: () => {
    readonly inProgress: number
    readonly waitingOutside: number
    readonly turnedAway: Readonly<Record<string, number>>
  }
  /** How often something was refused, and why some of that is on the log alone. */
  readonly refusals: () => {
    readonly refused: readonly { readonly status: number; readonly rule: string; readonly count: number }[]
    readonly errors: Readonly<Record<string, number>>
    readonly unrecorded: Readonly<Record<string, number>>
  }
  /** For how long the oldest row that could be forgotten has been waiting, by table; milliseconds. */
  readonly cleanUpLags: () => Promise<Readonly<Record<string, number>>>
}

// Seconds: a cached key set up to a password check behind others.
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

export type Metrics = ReturnType<typeof createMetrics>

/** What a monitoring system reads, in the text format of Prometheus. */
export function createMetrics(server: FastifyInstance, figures: Figures, activity: Pick<Activity, 'counts'>) {
  const { databaseSize, licence, logoutNotices, requests: requestsNow, refusals, cleanUpLags, lostLogLines } = figures
  const registry = new Registry()
  const registers = [registry]
  const updateActivity = registerActivity(registry, activity)
  let observesProcess = false

  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: BUCKETS,
    registers,
  })
  server.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown'
    requests.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
  })

  const size = new Gauge({ name: 'tessera_database_bytes', help: 'Size of the database.', registers })
  const lag = new Gauge({
    name: 'tessera_cleanup_lag_seconds',
    help: 'How long the oldest removable row has been waiting to be removed.',
    labelNames: ['table'] as const,
    registers,
  })

  const slots = new Gauge({
    name: 'tessera_licence_slots',
    help: 'Licence slots: how many API sessions may be open at once.',
    registers,
  })
  const sessions = new Gauge({
    name: 'tessera_api_sessions',
    help: 'Open API sessions, on all nodes together.',
    registers,
  })

  const lostLines = new Counter({
    name: 'tessera_log_lines_lost_total',
    help: 'Log lines of this process that could not be written.',
    registers,
  })
  const notices = new Counter({
    name: 'tessera_logout_notices_total',
    help: 'Attempts of this process to notify apps of a sign-out, by outcome.',
    labelNames: ['result'] as const,
    registers,
  })
  const waiting = new Gauge({
    name: 'tessera_logout_notices_waiting',
    help: 'Sign-out notifications still to be delivered to apps, on all nodes together.',
    registers,
  })

  const inProgress = new Gauge({
    name: 'tessera_requests_in_progress',
    help: 'Requests in progress in this process, without those that wait for other servers.',
    registers,
  })
  const waitingOutside = new Gauge({
    name: 'tessera_requests_waiting_outside',
    help: 'Requests of this process that wait for other servers.',
    registers,
  })
  const turnedAway = new Counter({
    name: 'tessera_requests_turned_away_total',
    help: 'Requests that this process turned away, by the limit that was reached: requests in progress, requests from one network, or waits for other servers.',
    labelNames: ['full'] as const,
    registers,
  })
  const refused = new Counter({
    name: 'tessera_refusals_total',
    help: 'Requests that this process refused, by status and rule.',
    labelNames: ['status', 'rule'] as const,
    registers,
  })
  const errors = new Counter({
    name: 'tessera_refusals_by_error_total',
    help: 'Requests that this process refused, by the error code of the answer.',
    labelNames: ['error'] as const,
    registers,
  })
  const unrecorded = new Counter({
    name: 'tessera_refusals_unrecorded_total',
    help: 'Refusals of this process that are only in the log: by rule, or because the quota of a network, of an app or of a minute was used up or the queue was full.',
    labelNames: ['reason'] as const,
    registers,
  })

  return {
    contentType: registry.contentType,

    async read(): Promise<string> {
      // Whoever is never asked need not watch the event loop and the garbage collector.
      if (!observesProcess) collectDefaultMetrics({ register: registry })
      observesProcess = true
      updateActivity()
      size.set(await databaseSize())
      lostLines.reset()
      lostLines.inc(lostLogLines())
      const { slots: most = Number.POSITIVE_INFINITY, live } = await licence()
      slots.set(most)
      sessions.set(live)
      const now = requestsNow()
      inProgress.set(now.inProgress)
      waitingOutside.set(now.waitingOutside)
      turnedAway.reset()
      for (const [full, count] of Object.entries(now.turnedAway)) turnedAway.inc({ full }, count)
      const figures = await logoutNotices()
      waiting.set(figures.waiting)
      notices.reset()
      for (const [result, count] of Object.entries(figures.tally)) notices.inc({ result }, count)
      const turnedDown = refusals()
      refused.reset()
      for (const { status, rule, count } of turnedDown.refused) refused.inc({ status, rule }, count)
      errors.reset()
      for (const [error, count] of Object.entries(turnedDown.errors)) errors.inc({ error }, count)
      unrecorded.reset()
      for (const [reason, count] of Object.entries(turnedDown.unrecorded)) unrecorded.inc({ reason }, count)
      for (const [table, milliseconds] of Object.entries(await cleanUpLags())) lag.set({ table }, milliseconds / 1000)
      return registry.metrics()
    },
  }
}
