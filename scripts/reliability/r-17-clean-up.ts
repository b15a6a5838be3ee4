import { existsSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import { loadSqlite } from '../../src/store/engine/sqlite-library.ts'
import { createRelyingParty } from '../../test/fixtures/clients/relying-party.ts'
import { defineCheck } from './lib/check.ts'
import { ask } from './lib/database.ts'
import { countOf, createLoad, driveFor } from './lib/load.ts'
import { loopMonitor } from './lib/loop-delay.ts'
import { startNode } from './lib/node.ts'
import { prepareSite, type Site, WEB } from './lib/site.ts'
import { quantile } from './lib/statistics.ts'
import { whenStarted } from './lib/when-started.ts'
import type { Result } from './lib/worker.ts'

const Sqlite = loadSqlite()

const MIB = 2 ** 20
const DAY = 86_400_000
const LONGEST_LOG = 64

/** Copies the one row of a table many times, with these columns made anew. */
function multiply(
  database: Database.Database,
  table: string,
  rows: number,
  anew: Readonly<Record<string, string>>,
): void {
  const columns = (database.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => name)
  const values = columns.map((name) => anew[name] ?? `model.${name}`)
  database.exec(
    `with recursive counter(n) as (select 1 union all select n + 1 from counter where n < ${rows})
     insert into ${table} (${columns.join(', ')})
     select ${values.join(', ')} from (select * from ${table} limit 1) as model, counter`,
  )
}

/** Makes what people left behind in months. */
async function leaveBehind(site: Site, rows: number): Promise<void> {
  const party = createRelyingParty(site, { clientId: WEB, login: 'person0' })
  await party.obtainTokens()
  await delay(200)
  const database = new Sqlite(site.databaseUrl.slice('file:'.length), { timeout: 5000 })
  const past = String(Date.now() - 60 * DAY)
  const [family, digest] = [`'old-family-' || n`, `'old-' || n`]
  multiply(database, 'authorization_codes', rows, { digest, interaction: digest, family, expires_at: past })
  multiply(database, 'token_families', rows, { family, expires_at: past })
  multiply(database, 'refresh_tokens', rows, { digest, family, expires_at: past })
  database.close()
}

const leftIn = async (site: Site): Promise<number> => {
  const counts = ['authorization_codes', 'token_families', 'refresh_tokens'].map(
    (table) => `(select count(*) from ${table} where expires_at < ${Date.now() - 30 * DAY})`,
  )
  return Number((await ask(site, `select ${counts.join(' + ')} as rows`))[0]?.['rows'])
}

const p99Of = (results: readonly Result[]): number =>
  quantile(
    results.filter(({ action }) => action === 'refresh').map(({ took }) => took),
    0.99,
  )

export const check = defineCheck({
  id: 'R-17',
  what: 'clean-up of what expired long ago, while people sign in and apps refresh',
  required:
    'answers take 1.5 times as long at most (p99), the event loop is not held, WAL 64 MiB at most, the file 1.3 times what it holds at most',
  timed: true,
  async run(run, { rows, people, perSecond, before, patience, slower, delay: allowed }) {
    const site = await prepareSite(run, { people })
    const first = await startNode(run, site)
    await leaveBehind(site, rows)
    first.kill('SIGTERM')
    await first.ended()
    const file = site.databaseUrl.slice('file:'.length)
    const bytes = (name: string): number => (existsSync(name) ? statSync(name).size : 0)
    run.told('rows that are over', await leftIn(site))
    run.told('size of the file before', bytes(file) / MIB, 'MiB')

    const monitor = loopMonitor(site.folder)
    const node = await startNode(run, site, monitor.options)
    const load = createLoad(run, site)
    await driveFor(load, 2000, { perSecond })
    const from = load.results.length
    await driveFor(load, before, { perSecond })
    const idle = p99Of(load.results.slice(from))
    const idleLoop = await monitor.ask(node)

    const meanwhile = load.results.length
    const driven = load.drive({ perSecond })
    const started = performance.now()
    let [left, log] = [1, 0]
    while (left > 0 && performance.now() - started < patience) {
      await delay(500)
      log = Math.max(log, bytes(`${file}-wal`))
      left = await leftIn(site)
    }
    const took = performance.now() - started
    // What became free is given back.
    await delay(before)
    load.stop()
    await driven
    const loop = await monitor.ask(node)
    const results = load.results.slice(meanwhile)
    node.kill('SIGTERM')
    await node.ended()
    const [pages] = await ask(
      site,
      'select (select * from pragma_page_count) as pages, (select * from pragma_freelist_count) as free',
    )
    run.none('rows left', left)
    run.told('gone after', took / 1000, 's')
    run.told('load', (1000 * results.length) / took, 'requests/s')
    run.told('p99 of a refresh without clean-up', idle, 'ms')
    run.atMost('p99 with clean-up, times that', p99Of(results) / idle, slower)
    run.told('event-loop delay without clean-up (p99)', idleLoop.p99, 'ms')
    run.atMost('event-loop delay with clean-up (p99)', loop.p99, allowed, 'ms')
    run.atMost('WAL', log / MIB, LONGEST_LOG, 'MiB')
    run.told('size of the file after', bytes(file) / MIB, 'MiB')
    const [all, free] = [Number(pages?.['pages']), Number(pages?.['free'])]
    run.atMost('size of the file, times what it holds', all / (all - free), 1.3)
    run.none('5xx, wrong or missing answers', results.length - countOf(results, 'ok'))
  },
})

await whenStarted(import.meta.url, check)
