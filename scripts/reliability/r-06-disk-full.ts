import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createRelyingParty } from '../../test/fixtures/clients/relying-party.ts'
import { defineCheck } from './lib/check.ts'
import { fillWith, mountMemory } from './lib/disk.ts'
import { countOf, createLoad, type Load } from './lib/load.ts'
import { startNode } from './lib/node.ts'
import { startProbe, total } from './lib/probe.ts'
import { checkPromises, holdAgainst, noBreaches } from './lib/promises.ts'
import type { Run } from './lib/run.ts'
import { prepareSite, SYNC } from './lib/site.ts'
import { quantile } from './lib/statistics.ts'
import { whenStarted } from './lib/when-started.ts'

const MEBIBYTES = 32
const PATIENCE = 20_000

/** Waits for a result from now on. @returns after how many milliseconds it came; more than any limit if it does not */
async function waitFor({ results }: Load, wanted: (result: Load['results'][number]) => boolean): Promise<number> {
  const started = performance.now()
  const from = results.length
  while (!results.slice(from).some(wanted)) {
    if (performance.now() - started > PATIENCE) return Infinity
    await delay(10)
  }
  return performance.now() - started
}

interface Scene {
  readonly run: Run
  readonly folder: string
  readonly load: Load
  readonly recoveries: number[]
}

/** Fills the disk under load, and gives the space back after a while. */
async function fillOnce({ run, folder, load, recoveries }: Scene, stay: number): Promise<void> {
  const filler = join(folder, 'filler')
  fillWith(filler)
  const refused = await waitFor(load, ({ ending }) => ending === 'unavailable')
  run.atMost('issuing is refused with 503 after', refused, PATIENCE, 'ms')
  run.that('the reserve is given back', !existsSync(join(folder, 'ballast')), 'it is still there')
  await delay(stay)
  rmSync(filler)
  recoveries.push(await waitFor(load, ({ ending, action }) => ending === 'ok' && action === 'refresh'))
}

export const check = defineCheck({
  id: 'R-06',
  what: `the disk of ${MEBIBYTES} MiB fills up under load, and space returns`,
  required:
    'issuing answers 503, keys, discovery and introspection go on, no crash, works again within 5 s without a restart, integrity_check ok, the reserve is given back and kept anew',
  timed: true,
  async run(run, { rounds, stay, recovery }) {
    const folder = mountMemory(run, MEBIBYTES)
    const site = await prepareSite(run, { people: 4, folder })
    const node = await startNode(run, site)
    const service = createRelyingParty(site, { clientId: SYNC, login: '' })
    const { json } = await service.requestToken({ grant_type: 'client_credentials' })
    const load = createLoad(run, site)
    const driven = load.drive()
    await waitFor(load, ({ ending, action }) => ending === 'ok' && action === 'refresh')
    run.that('a reserve is kept', existsSync(join(folder, 'ballast')))
    const probe = startProbe(run, site, String(json['access_token']))

    const scene: Scene = { run, folder, load, recoveries: [] }
    for (let round = 0; round < rounds; round++) await fillOnce(scene, stay)
    await delay(2000)
    load.stop()
    await driven
    await probe.stop()
    await load.settle()

    run.told('times the disk was full', rounds)
    run.that('the node lives', node.running(), 'it ended')
    run.atMost('works again after (longest)', quantile(scene.recoveries, 1), recovery, 'ms')
    run.that('a reserve is kept anew', existsSync(join(folder, 'ballast')))
    run.told('answered 503', countOf(load.results, 'unavailable'))
    run.none('refused otherwise, or not answered', countOf(load.results, 'wrong') + countOf(load.results, 'broken'))
    run.told('reads beside it', total(probe.sent))
    run.none('reads that failed', total(probe.failed))
    const breaches = noBreaches()
    await holdAgainst(run, load.journal.families, breaches)
    await checkPromises(run, site, load.journal, breaches)
  },
})

await whenStarted(import.meta.url, check)
