import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../test/fixtures/instance/ports.ts'
import { defineCheck } from './lib/check.ts'
import { startHaproxy } from './lib/haproxy.ts'
import { breaksOf, countOf, createLoad } from './lib/load.ts'
import { type Node, startNode } from './lib/node.ts'
import { startPostgres } from './lib/postgres.ts'
import { checkPromises, holdAgainst, newest, noBreaches } from './lib/promises.ts'
import { prepareSite } from './lib/site.ts'
import { requireTool } from './lib/tools.ts'
import { whenStarted } from './lib/when-started.ts'

// The proxy asks every 300 ms and believes two answers.
const NOTICED = 2000

export const check = defineCheck({
  id: 'R-12',
  what: 'two nodes on PostgreSQL behind haproxy are restarted in turn while people sign in and apps refresh',
  required: 'no sign-in, exchange or refresh fails',
  async run(run, { rounds, perSecond, people }) {
    requireTool('haproxy')
    const server = await startPostgres(run)
    const [front, ...ports] = [await freePort(), await freePort(), await freePort()]
    const databaseUrl = await server.createDatabase()
    const site = await prepareSite(run, { people, databaseUrl, port: front })
    const nodes: Node[] = []
    for (const port of ports) nodes.push(await startNode(run, site, { port }))
    await startHaproxy(run, front, ports)
    await delay(NOTICED)

    const load = createLoad(run, site)
    const started = performance.now()
    const driven = load.drive({ perSecond })
    await delay(500)
    for (let round = 0; round < rounds; round++) {
      for (const [index, port] of ports.entries()) {
        nodes[index]?.kill('SIGTERM')
        const end = await nodes[index]?.ended()
        if (end?.code !== 0) run.say(`a node ended with ${JSON.stringify(end)}: ${nodes[index]?.stderr()}`)
        nodes[index] = await startNode(run, site, { port })
        await delay(NOTICED)
      }
    }
    load.stop()
    await driven
    run.told('restarts', rounds * ports.length)
    run.told('load reached', load.results.length / ((performance.now() - started) / 1000), 'requests/s')
    run.told('answered', countOf(load.results, 'ok'))
    run.none('refused wrongly', countOf(load.results, 'wrong'))
    run.none('answered 503', countOf(load.results, 'unavailable'))
    const by: Record<string, number> = {}
    for (const { ending, detail } of load.results) if (ending === 'unavailable') by[detail] = (by[detail] ?? 0) + 1
    for (const [retry, count] of Object.entries(by)) run.told(`503 with Retry-After ${retry}`, count)
    run.none('not answered', countOf(load.results, 'broken'))
    for (const [reason, count] of Object.entries(breaksOf(load.results))) run.told(`not answered: ${reason}`, count)
    await load.settle()
    const breaches = noBreaches()
    await holdAgainst(run, newest(load.journal.families, 300), breaches)
    await checkPromises(run, site, load.journal, breaches)
  },
})

await whenStarted(import.meta.url, check)
