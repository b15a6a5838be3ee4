import { setTimeout as delay } from 'node:timers/promises'
import { defineCheck, whenStarted } from './lib/check.ts'
import { breaksOf, countOf, createLoad } from './lib/load.ts'
import { isReady, startNode } from './lib/node.ts'
import { holdAgainst, judgePromises, newest, noBreaches } from './lib/promises.ts'
import { prepareSite } from './lib/site.ts'
import { quantile } from './lib/statistics.ts'

const LONGEST_SHUTDOWN = 10_000

export const check = defineCheck({
  id: 'R-11',
  what: 'SIGTERM under load on connections that are kept alive',
  required:
    'every accepted request is answered, no connection is reset, exit code 0 within 10 s, not ready first; a second SIGTERM forces',
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
      await delay(100)
      if (!(await isReady(node.origin))) unready++
      const { code } = await node.ended()
      durations.push(performance.now() - told)
      codes[String(code)] = (codes[String(code)] ?? 0) + 1
      load.stop()
      await driven
    }
    const { ECONNREFUSED: refused = 0, ...dropped } = breaksOf(load.results)
    run.told('stops', stops)
    run.told('load reached', busy / stops, 'requests/s')
    run.told('answered', countOf(load.results, 'ok'))
    run.told('not accepted after the end', refused)
    for (const [reason, count] of Object.entries(dropped)) run.told(`dropped: ${reason}`, count)
    run.none('dropped or reset', countOf(load.results, 'broken') - refused)
    run.none('answered wrongly or 503', countOf(load.results, 'wrong') + countOf(load.results, 'unavailable'))
    run.exactly('exit code 0', codes['0'] ?? 0, stops)
    run.exactly('not ready after SIGTERM', unready, stops)
    run.atMost('ended after (longest)', quantile(durations, 1), LONGEST_SHUTDOWN, 'ms')

    const last = await startNode(run, site)
    await load.settle()
    const breaches = noBreaches()
    await holdAgainst(run, newest(load.journal.families, 300), breaches)
    await judgePromises(run, site, load.journal, breaches)
    last.kill('SIGTERM')
    await delay(100)
    const second = performance.now()
    last.kill('SIGTERM')
    await last.ended()
    run.atMost('ended after a second SIGTERM', performance.now() - second, 1000, 'ms')
  },
})

await whenStarted(import.meta.url, check)
