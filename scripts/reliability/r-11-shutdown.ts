import { setTimeout as delay } from 'node:timers/promises'
import { defineCheck } from './lib/check.ts'
import { breaksOf, countOf, createLoad } from './lib/load.ts'
import { readiness, startNode } from './lib/node.ts'
import { checkPromises, holdAgainst, newest, noBreaches } from './lib/promises.ts'
import { prepareSite } from './lib/site.ts'
import { quantile } from './lib/statistics.ts'
import { whenStarted } from './lib/when-started.ts'

const LONGEST_SHUTDOWN = 10_000
// Shorter than TESSERA_SHUTDOWN_DELAY, in which the load goes on.
const NOTICED = 800

export const check = defineCheck({
  id: 'R-11',
  what: 'SIGTERM under load on connections that are kept alive',
  required:
    'every request is answered that was sent until a load balancer has turned away, exit code 0 within 10 s, not ready first; a second SIGTERM forces',
  timed: true,
  async run(run, { stops, perSecond, people }) {
    const site = await prepareSite(run, { people })
    const load = createLoad(run, site)
    const [durations, codes]: [number[], Record<string, number>] = [[], {}]
    let [unready, busy] = [0, 0]
    for (let round = 0; round < stops; round++) {
      const node = await startNode(run, site)
      const started = performance.now()
      const before = load.results.length
      const driven = load.drive({ perSecond })
      await delay(500 + 500 * run.random())
      busy += (load.results.length - before) / ((performance.now() - started) / 1000)
      const told = performance.now()
      node.kill('SIGTERM')
      let status = 200
      while (status === 200) status = await readiness(node.origin)
      if (status === 503) unready++
      // Who balances the load learns of it and turns away; what was sent is finished.
      await delay(NOTICED)
      load.stop()
      await driven
      const { code } = await node.ended()
      durations.push(performance.now() - told)
      codes[String(code)] = (codes[String(code)] ?? 0) + 1
    }
    run.told('stops', stops)
    run.told('load reached', busy / stops, 'requests/s')
    run.told('answered', countOf(load.results, 'ok'))
    for (const [reason, count] of Object.entries(breaksOf(load.results))) run.told(`dropped: ${reason}`, count)
    run.none('dropped or reset', countOf(load.results, 'broken'))
    run.none('answered wrongly or 503', countOf(load.results, 'wrong') + countOf(load.results, 'unavailable'))
    run.exactly('exit code 0', codes['0'] ?? 0, stops)
    run.exactly('not ready after SIGTERM', unready, stops)
    run.atMost('ended after (longest)', quantile(durations, 1), LONGEST_SHUTDOWN, 'ms')

    const last = await startNode(run, site)
    await load.settle()
    const breaches = noBreaches()
    await holdAgainst(run, newest(load.journal.families, 300), breaches)
    await checkPromises(run, site, load.journal, breaches)
    last.kill('SIGTERM')
    await delay(100)
    const second = performance.now()
    last.kill('SIGTERM')
    await last.ended()
    run.atMost('ended after a second SIGTERM', performance.now() - second, 1000, 'ms')
  },
})

await whenStarted(import.meta.url, check)
