import { setTimeout as delay } from 'node:timers/promises'
import { defineCheck } from './lib/check.ts'
import { breaksOf, countOf, createLoad, type Load } from './lib/load.ts'
import { startNode } from './lib/node.ts'
import { type PostgresServer, startPostgres } from './lib/postgres.ts'
import { checkPromises, holdAgainst, noBreaches } from './lib/promises.ts'
import type { Run } from './lib/run.ts'
import { prepareSite } from './lib/site.ts'
import { quantile } from './lib/statistics.ts'
import { whenStarted } from './lib/when-started.ts'

const PATIENCE = 20_000
const TERMINATE_EVERY = 500
const OWN = `from pg_stat_activity where application_name = 'tessera'`

/** Waits for the next write that succeeds. @returns after how many milliseconds */
async function nextSuccess({ results }: Load): Promise<number> {
  const started = performance.now()
  const from = results.length
  while (!results.slice(from).some(({ ending, action }) => ending === 'ok' && action === 'refresh')) {
    if (performance.now() - started > PATIENCE) throw new Error('the server does not recover')
    await delay(10)
  }
  return performance.now() - started
}

async function interrupt(server: PostgresServer, milliseconds: number, load: Load): Promise<number> {
  await server.stop()
  await delay(milliseconds)
  await server.start()
  return nextSuccess(load)
}

/** Ends all sessions of the node again and again. @returns how many */
async function terminateSessions(server: PostgresServer, milliseconds: number): Promise<number> {
  const until = performance.now() + milliseconds
  let ended = 0
  while (performance.now() < until) {
    await delay(TERMINATE_EVERY)
    ended += (await server.query(`select pg_terminate_backend(pid) ${OWN}`)).length
  }
  return ended
}

async function watchConnections(run: Run, server: PostgresServer, counts: number[]): Promise<void> {
  let stopped = false
  run.defer(() => {
    stopped = true
  })
  while (!stopped) {
    const rows = await server.query(`select count(*)::int as open ${OWN}`).catch(() => [])
    if (rows[0]) counts.push(Number(rows[0]['open']))
    await delay(200)
  }
}

export const check = defineCheck({
  id: 'R-07',
  what: 'PostgreSQL restarts under load, its sessions are ended with pg_terminate_backend, and it is away for a while',
  required: 'works again within 3 s; nothing but 503 meanwhile; nothing spent twice; no more connections than allowed',
  timed: true,
  async run(run, { restarts, terminateFor, outage, recovery, connections }) {
    const server = await startPostgres(run)
    const settings = { TESSERA_DATABASE_CONNECTIONS: String(connections) }
    const site = await prepareSite(run, { people: 6, databaseUrl: await server.createDatabase(), settings })
    const node = await startNode(run, site)
    const open: number[] = []
    void watchConnections(run, server, open)
    const load = createLoad(run, site)
    const driven = load.drive()
    await nextSuccess(load)

    const recoveries: number[] = []
    for (let round = 0; round < restarts; round++) {
      recoveries.push(await interrupt(server, 100, load))
      await delay(500)
    }
    run.told('restarts of PostgreSQL', restarts)
    run.told('sessions ended', await terminateSessions(server, terminateFor))
    await nextSuccess(load)
    recoveries.push(await interrupt(server, outage, load))
    run.told('outage', outage / 1000, 's')
    load.stop()
    await driven
    await load.settle()

    run.that('the node lives', node.running(), 'it ended')
    run.atMost('works again after (longest)', quantile(recoveries, 1), recovery, 'ms')
    run.told('answered', countOf(load.results, 'ok'))
    run.told('answered 503', countOf(load.results, 'unavailable'))
    run.none('refused otherwise', countOf(load.results, 'wrong'))
    run.none('not answered', countOf(load.results, 'broken'))
    for (const [reason, count] of Object.entries(breaksOf(load.results))) run.told(`not answered: ${reason}`, count)
    run.atMost('connections of the node', quantile(open, 1), connections)
    const breaches = noBreaches()
    await holdAgainst(run, load.journal.families, breaches)
    await checkPromises(run, site, load.journal, breaches)
  },
})

await whenStarted(import.meta.url, check)
