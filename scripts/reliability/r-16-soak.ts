import { setTimeout as delay } from 'node:timers/promises'
import { defineCheck } from './lib/check.ts'
import { countOf, createLoad } from './lib/load.ts'
import { descriptorsOf, MIB, memoryOf } from './lib/memory.ts'
import { startNode } from './lib/node.ts'
import { checkPromises, holdAgainst, newest, noBreaches } from './lib/promises.ts'
import { prepareSite } from './lib/site.ts'
import { quantile, slopeOf } from './lib/statistics.ts'
import { whenStarted } from './lib/when-started.ts'
import type { Result } from './lib/worker.ts'

const HOUR = 3_600_000

const p99Of = (results: readonly Result[]): number =>
  quantile(
    results.filter(({ action }) => action === 'refresh').map(({ took }) => took),
    0.99,
  )

export const check = defineCheck({
  id: 'R-16',
  what: 'a steady load for a long time',
  required:
    'memory grows by 1 MiB/h at most after the warm-up, descriptors stay, p99 at the end is 1.2 times that of the beginning at most, no 5xx',
  timed: true,
  async run(run, { warmUp, duration, perSecond, people, growth, slower }) {
    const site = await prepareSite(run, { people })
    const node = await startNode(run, site)
    const load = createLoad(run, site)
    const driven = load.drive({ perSecond })
    await delay(warmUp)
    const from = load.results.length
    const started = performance.now()
    const memory: [number, number][] = []
    const descriptors: [number, number][] = []
    while (performance.now() - started < duration) {
      const at = performance.now() - started
      memory.push([at, memoryOf(node.pid)])
      descriptors.push([at, descriptorsOf(node.pid)])
      await delay(Math.min(5000, duration / 20))
    }
    load.stop()
    await driven
    const measured = load.results.slice(from)
    const part = Math.ceil(measured.length / 4)
    run.told('minutes', duration / 60_000)
    run.told('load reached', (1000 * measured.length) / duration, 'requests/s')
    run.told('memory grew by', ((memory.at(-1)?.[1] ?? 0) - (memory[0]?.[1] ?? 0)) / MIB, 'MiB')
    // A minute says nothing about an hour.
    if (growth !== undefined) run.atMost('memory grows by', (slopeOf(memory) * HOUR) / MIB, growth, 'MiB/h')
    run.told('memory', (memory.at(-1)?.[1] ?? 0) / MIB, 'MiB')
    const counts = descriptors.map(([, count]) => count)
    run.atMost('descriptors: most above the median', quantile(counts, 1) - quantile(counts, 0.5), people + 10)
    run.atMost(
      'p99 at the end, times that at the beginning',
      p99Of(measured.slice(-part)) / p99Of(measured.slice(0, part)),
      slower,
    )
    run.none('5xx, wrong or missing answers', measured.length - countOf(measured, 'ok'))
    const breaches = noBreaches()
    await holdAgainst(run, newest(load.journal.families, 300), breaches)
    await checkPromises(run, site, load.journal, breaches)
  },
})

await whenStarted(import.meta.url, check)
