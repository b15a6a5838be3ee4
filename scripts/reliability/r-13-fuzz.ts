import { digest } from '../../src/lib/crypto/secrets.ts'
import { SECRET, startInstance } from '../../test/fixtures/instance/instance.ts'
import { type Route, routesOf } from '../../test/fixtures/instance/routes.ts'
import { shapeOf } from './fuzz/grammar.ts'
import { createSender, type Received } from './fuzz/send.ts'
import { gatherSupplies, type Supplies, TOOL, VICTIM } from './fuzz/supplies.ts'
import { type Sent, toWire } from './fuzz/wire.ts'
import { defineCheck } from './lib/check.ts'
import { garbageCollector, MIB } from './lib/memory.ts'
import { readiness, startNode } from './lib/node.ts'
import { startPostgres } from './lib/postgres.ts'
import { seededRandom } from './lib/random.ts'
import type { Run } from './lib/run.ts'
import { prepareSite, type Site } from './lib/site.ts'
import { quantile } from './lib/statistics.ts'
import { whenStarted } from './lib/when-started.ts'

const SETTINGS = {
  TESSERA_REGISTRATION: 'open',
  TESSERA_REGISTRATION_HOURLY: '1000',
  TESSERA_REQUEST_OBJECTS: 'true',
  TESSERA_IMPLICIT: 'true',
}

const EXTRA = {
  users: [{ login: 'svc.tool', type: 'SystemUserNoLogin' }, { login: 'victim' }],
  apps: [
    {
      ApplicationUri: TOOL,
      SystemUserAllowed: true,
      SystemUser: 'svc.tool',
      AdministrationAllowed: true,
      Scope: 'sec',
    },
    {
      ApplicationUri: VICTIM,
      ImpersonateAsInternalUserAllowed: true,
      ImpersonateLoginUrl: ['https://victim.example/cb'],
    },
  ].map((app) => ({ ClientType: 'Confidential', ApplicationSecretHash: digest(SECRET), ...app })),
}

// Codes and sign-ins end; with so many requests between they are had anew.
const SUPPLY_EVERY = 1000

interface Wanted {
  readonly seed: number
  readonly requests: number
  readonly atOnce: number
  /** The part after which megabytes are counted: until then the server comes to the size it has in use. */
  readonly warmUp: number
}

/** Every address of a server with everything switched on. */
async function everyRoute(): Promise<Route[]> {
  const instance = await startInstance({ settings: SETTINGS })
  const routes = routesOf(instance.server)
  await instance.close()
  return routes
}

/** How large the database is, as the server says it. */
async function databaseBytes({ origin }: Site): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text()
  return Number(/^tessera_database_bytes (\S+)$/m.exec(text)?.[1] ?? Number.NaN)
}

/** Sends requests by number; whatever number one has, it is the same again with the same seed. */
async function bombard(run: Run, site: Site, routes: readonly Route[], { seed, requests, atOnce, warmUp }: Wanted) {
  const collector = garbageCollector(site.folder)
  const node = await startNode(run, site, collector.options)
  const { host, port } = new URL(site.origin)
  const outcomes: Record<string, number> = {}
  const took: number[] = []
  const failures: string[] = []
  let supplies: Supplies = await gatherSupplies(site)
  let before = 0
  let next = 0

  function note(number: number, sent: Sent, received: Received): void {
    for (const status of received.statuses) outcomes[status] = (outcomes[status] ?? 0) + 1
    if (received.statuses.length === 0) outcomes['no answer'] = (outcomes['no answer'] ?? 0) + 1
    took.push(received.took)
    const unanswered = sent.sound && received.statuses.length === 0
    if (!unanswered && !received.statuses.some((status) => status >= 500)) return
    failures.push(`seed ${seed}, request ${number}`)
    run.say(`seed ${seed}, request ${number}: ${JSON.stringify(sent.bytes.toString('latin1').slice(0, 3000))}`)
    run.say(`  answered after ${Math.round(received.took)} ms: ${JSON.stringify(received.head)}`)
  }

  async function work(end: number): Promise<void> {
    const sender = createSender(Number(port))
    while (next < end && node.running()) {
      const number = next++
      if (number % SUPPLY_EVERY === SUPPLY_EVERY - 1) supplies = await gatherSupplies(site).catch(() => supplies)
      const random = seededRandom(seed + 0x9e3779b1 * number)
      const sent = toWire(shapeOf(routes, supplies, random), host, random)
      note(number, sent, await sender.speak(sent))
    }
    sender.close()
  }
  const workUntil = (end: number) => Promise.all(Array.from({ length: atOnce }, () => work(end)))

  await workUntil(Math.ceil(requests * warmUp))
  before = await collector.measure(node)
  const stored = await databaseBytes(site)
  await workUntil(requests)
  const alive = node.running() && (await readiness(site.origin)) === 200
  const growth = node.running() ? ((await collector.measure(node)) - before) / MIB : Number.NaN
  const grown = node.running() ? ((await databaseBytes(site)) - stored) / MIB : Number.NaN
  const screams = node.records.filter(({ level }) => Number(level) >= 50)
  for (const scream of screams.slice(0, 5)) run.say(JSON.stringify(scream).slice(0, 2000))
  if (node.stderr() !== '') run.say(node.stderr().slice(0, 2000))
  node.kill('SIGTERM')
  return { outcomes, took, failures, alive, growth, grown, screams: screams.length, stderr: node.stderr() }
}

export const check = defineCheck({
  id: 'R-13',
  what: 'requests to every address, put together from a grammar and then spoiled: parameters twice, odd encodings, huge values, damaged tokens, and bytes that are no HTTP',
  required: 'no 5xx, no crash, nothing on stderr, memory grows by 64 MiB at most, p99 of 100 ms at most',
  timed: true,
  async run(run, { seed = Math.floor(run.random() * 2 ** 32), requests, onPostgres, atOnce, warmUp, growth, p99 }) {
    const routes = await everyRoute()
    run.told('addresses', new Set(routes.map(([, url]) => url)).size)
    run.told('seed', seed)
    const databases: readonly (readonly [name: string, count: number, make: () => Promise<string | undefined>])[] = [
      ['SQLite', requests, async () => undefined],
      ['PostgreSQL', onPostgres, async () => (await startPostgres(run)).createDatabase()],
    ]
    for (const [name, count, make] of databases) {
      const databaseUrl = await make()
      const where = databaseUrl === undefined ? {} : { databaseUrl }
      const app = { AccessTokens: 'AuthenticatedUsers', ResponseTypes: 'code, code id_token' }
      const site = await prepareSite(run, { people: 1, settings: SETTINGS, more: EXTRA, app, ...where })
      const reached = await bombard(run, site, routes, { seed, requests: count, atOnce, warmUp })
      run.told(`${name}: requests`, reached.took.length)
      const answers = Object.entries(reached.outcomes).map(([status, times]) => `${times} × ${status}`)
      run.told(`${name}: answers`, answers.join(', '))
      run.none(`${name}: 5xx, and requests without an answer`, reached.failures.length)
      run.that(`${name}: the node lives`, reached.alive)
      run.none(`${name}: errors in the log`, reached.screams)
      run.that(`${name}: nothing on stderr`, reached.stderr === '')
      run.atMost(`${name}: memory grows by`, reached.growth, growth, 'MiB')
      run.told(`${name}: the database grew by`, reached.grown, 'MiB')
      run.atMost(`${name}: p99`, quantile(reached.took, 0.99), p99, 'ms')
    }
  },
})

await whenStarted(import.meta.url, check)
