import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRelyingParty } from '../../test/fixtures/clients/relying-party.ts'
import { defineCheck } from './lib/check.ts'
import { countOf, createLoad } from './lib/load.ts'
import { loopMonitor } from './lib/loop-delay.ts'
import { startNode } from './lib/node.ts'
import { startProbe, total } from './lib/probe.ts'
import { checkPromises, holdAgainst, noBreaches } from './lib/promises.ts'
import type { Run } from './lib/run.ts'
import { prepareSite, type Site, SYNC } from './lib/site.ts'
import { quantile } from './lib/statistics.ts'
import { whenStarted } from './lib/when-started.ts'

const HOLD_LOCK = fileURLToPath(new URL('../../test/fixtures/store/hold-lock.ts', import.meta.url))

/** Another process takes the write lock for some time. @returns once it has given it back */
async function holdLock(run: Run, { folder }: Site, milliseconds: number): Promise<void> {
  const args = ['--import', 'tsx', HOLD_LOCK, join(folder, 'tessera.db'), String(milliseconds)]
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  run.defer(() => child.kill('SIGKILL'))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error('the lock cannot be taken')
}

export const check = defineCheck({
  id: 'R-05',
  what: 'another process holds the write lock of the SQLite file while apps sign people in and refresh',
  required:
    'the event loop is never held for more than 50 ms, writers wait 2 s at most and then get 503 with Retry-After, reads go on',
  timed: true,
  async run(run, { locks, stall, patience }) {
    const site = await prepareSite(run, { people: 6 })
    const monitor = loopMonitor(site.folder)
    const node = await startNode(run, site, monitor.options)
    const service = createRelyingParty(site, { clientId: SYNC, login: '' })
    const { json } = await service.requestToken({ grant_type: 'client_credentials' })
    const load = createLoad(run, site)
    const driven = load.drive()
    while (load.journal.families.length < site.logins.length) await new Promise((resolve) => setTimeout(resolve, 50))
    const probe = startProbe(run, site, String(json['access_token']))

    await monitor.ask(node)
    await new Promise((resolve) => setTimeout(resolve, 1000))
    run.told('without a lock: longest stall of the event loop', (await monitor.ask(node)).max, 'ms')
    for (const length of locks) {
      const from = load.results.length
      await monitor.ask(node)
      await holdLock(run, site, length)
      const { max, p99 } = await monitor.ask(node)
      const during = load.results.slice(from).filter(({ action }) => action !== 'authorize' && action !== 'read')
      const refused = during.filter(({ ending }) => ending === 'unavailable')
      const name = `lock of ${length / 1000} s`
      run.told(`${name}: event-loop delay (p99)`, p99, 'ms')
      run.atMost(`${name}: longest stall of the event loop`, max, stall, 'ms')
      run.atMost(
        `${name}: longest wait of a writer`,
        quantile(
          during.map(({ took }) => took),
          1,
        ),
        patience,
        'ms',
      )
      run.told(`${name}: writes answered 503`, refused.length)
      run.none(`${name}: 503 without Retry-After`, refused.filter(({ detail }) => !/^\d+$/.test(detail)).length)
    }

    await new Promise((resolve) => setTimeout(resolve, 500))
    const from = load.results.length
    await new Promise((resolve) => setTimeout(resolve, 1500))
    load.stop()
    await driven
    await probe.stop()
    run.none('503 after the locks', countOf(load.results.slice(from), 'unavailable'))
    run.none(
      'requests refused otherwise, or not answered',
      countOf(load.results, 'wrong') + countOf(load.results, 'broken'),
    )
    run.told('reads beside it', total(probe.sent))
    run.none('reads that failed', total(probe.failed))
    await load.settle()
    const breaches = noBreaches()
    await holdAgainst(run, load.journal.families, breaches)
    await checkPromises(run, site, load.journal, breaches)
  },
})

await whenStarted(import.meta.url, check)
