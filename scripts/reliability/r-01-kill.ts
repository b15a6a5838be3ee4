import { setTimeout as delay } from 'node:timers/promises'
import { defineCheck } from './lib/check.ts'
import { createLoad, type Load } from './lib/load.ts'
import { startNode } from './lib/node.ts'
import { type PostgresServer, startPostgres } from './lib/postgres.ts'
import { type Breaches, checkPromises, holdAgainst, newest, noBreaches } from './lib/promises.ts'
import type { Run } from './lib/run.ts'
import { prepareSite, type Site } from './lib/site.ts'
import { quantile } from './lib/statistics.ts'
import { whenStarted } from './lib/when-started.ts'

// Families that are looked at after each kill; at the end all of them are.
const RECENT = 40

interface Loop {
  readonly run: Run
  readonly site: Site
  readonly load: Load
  readonly breaches: Breaches
  readonly longestRound: number
  /** Milliseconds in which a node must be ready. */
  readonly ready: number
  /** How long each start took. */
  readonly starts: number[]
}

/** Lets the load run for a random time, breaks something in the middle, mends it and asks what was kept. */
async function killOnce(
  { run, site, load, breaches, longestRound }: Loop,
  kill: () => Promise<void>,
  mend: () => Promise<void>,
): Promise<void> {
  const driven = load.drive({ endWhenBroken: true })
  // Not before everybody is at it.
  const busy = load.results.length + site.logins.length
  while (load.results.length < busy) await delay(5)
  await delay(run.random() * longestRound)
  await kill()
  load.stop()
  await driven
  await mend()
  const open = await load.settle()
  if (open > 0) throw new Error(`${open} requests are not answered after the restart`)
  await holdAgainst(run, newest(load.journal.families, RECENT), breaches)
}

async function killNodes(loop: Loop, kills: number): Promise<void> {
  const { run, site, starts } = loop
  let node = await startNode(run, site)
  for (let round = 0; round < kills; round++) {
    await killOnce(
      loop,
      async () => {
        node.kill('SIGKILL')
        await node.ended()
      },
      async () => {
        node = await startNode(run, site)
        starts.push(node.readyAfter)
      },
    )
  }
}

async function killDatabase(loop: Loop, server: PostgresServer, kills: number): Promise<void> {
  await startNode(loop.run, { ...loop.site })
  for (let round = 0; round < kills; round++) await killOnce(loop, server.kill, server.start)
}

async function checkRound({ run, site, load, breaches, starts, ready }: Loop): Promise<void> {
  await holdAgainst(run, load.journal.families, breaches)
  run.none('answers that an honest app must not get', load.results.filter(({ ending }) => ending === 'wrong').length)
  run.told('sign-ins to be repeated', load.journal.lostSignIns)
  await checkPromises(run, site, load.journal, breaches)
  if (starts.length > 0) run.atMost('ready after (p99)', quantile(starts, 0.99), ready, 'ms')
}

export const check = defineCheck({
  id: 'R-01',
  what: 'kill -9 during exchanges, refreshes and revocations: the node on SQLite, the node on PostgreSQL, PostgreSQL itself',
  required:
    'nothing spent twice, nothing acknowledged missing, nothing revoked alive, integrity_check ok, ready within 2 s (p99)',
  timed: true,
  async run(run, { kills, nodeKills, databaseKills, people, longestRound, ready }) {
    const loopOn = (site: Site): Loop => ({
      run,
      site,
      load: createLoad(run, site),
      breaches: noBreaches(),
      longestRound,
      ready,
      starts: [],
    })
    const sqlite = loopOn(await prepareSite(run, { people }))
    await killNodes(sqlite, kills)
    run.told('kills of a node on SQLite', kills)
    await checkRound(sqlite)

    const server = await startPostgres(run)
    const nodes = loopOn(await prepareSite(run, { people, databaseUrl: await server.createDatabase() }))
    await killNodes(nodes, nodeKills)
    run.told('kills of a node on PostgreSQL', nodeKills)
    await checkRound(nodes)

    const database = loopOn(await prepareSite(run, { people, databaseUrl: await server.createDatabase() }))
    await killDatabase(database, server, databaseKills)
    run.told('kills of PostgreSQL', databaseKills)
    await checkRound(database)
  },
})

await whenStarted(import.meta.url, check)
