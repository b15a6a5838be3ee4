import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { defineCheck } from './lib/check.ts'
import { countOf, createLoad, driveFor } from './lib/load.ts'
import { descriptorsOf } from './lib/memory.ts'
import { startNode } from './lib/node.ts'
import type { Run } from './lib/run.ts'
import { prepareSite } from './lib/site.ts'
import { quantile } from './lib/statistics.ts'
import { whenStarted } from './lib/when-started.ts'
import type { Result } from './lib/worker.ts'

const DOCUMENT = '/id/.well-known/openid-configuration'
// A byte now and then, so that nobody can say that nothing comes.
const DRIP = 1000
// So that answers wait for somebody to read them; more would be a flood and not slow.
const ASKED_AT_ONCE = 20
// Whoever does not read does not see either that the server has hung up: that shows in the descriptors.
const LONGEST_IDLE = 75_000

/** One way to be slow. */
interface Kind {
  readonly name: string
  readonly count: number
  /** Sent at once. */
  readonly begin: string
  /** Sent bit by bit. */
  readonly drip: string
  readonly reads: boolean
}

interface Slow {
  readonly kind: Kind
  readonly socket: Socket
  /** Milliseconds until the server hung up. */
  took: number | undefined
}

function kindsOf(host: string, counts: { headers: number; bodies: number; readers: number; idle: number }): Kind[] {
  const line = `Host: ${host}\r\n`
  const form = 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000\r\n\r\n'
  return [
    {
      name: 'slow headers',
      count: counts.headers,
      begin: `GET ${DOCUMENT} HTTP/1.1\r\n${line}X: `,
      drip: 'x',
      reads: true,
    },
    {
      name: 'slow bodies',
      count: counts.bodies,
      begin: `POST /id/connect/token HTTP/1.1\r\n${line}${form}a=`,
      drip: 'x',
      reads: true,
    },
    {
      name: 'slow readers',
      count: counts.readers,
      begin: `GET ${DOCUMENT} HTTP/1.1\r\n${line}\r\n`.repeat(ASKED_AT_ONCE),
      drip: '',
      reads: false,
    },
    { name: 'silent connections', count: counts.idle, begin: '', drip: '', reads: true },
  ]
}

/** Opens connections that are slow in their way, a few at a time, as a backlog holds no more. */
async function openAll(run: Run, port: number, kinds: readonly Kind[]): Promise<Slow[]> {
  const slow: Slow[] = []
  for (const kind of kinds)
    for (let made = 0; made < kind.count; made++) {
      const socket = connect({ host: '127.0.0.1', port })
      const begun = performance.now()
      const one: Slow = { kind, socket, took: undefined }
      socket.on('connect', () => socket.write(kind.begin)).on('error', () => undefined)
      socket.on('close', () => {
        one.took = performance.now() - begun
      })
      if (kind.reads) socket.resume()
      else socket.pause()
      if (kind.drip !== '') {
        const timer = setInterval(() => socket.writable && socket.write(kind.drip), DRIP)
        socket.on('close', () => clearInterval(timer))
      }
      slow.push(one)
      if (made % 20 === 19) await delay(5)
    }
  run.defer(() => {
    for (const { socket } of slow) socket.destroy()
  })
  return slow
}

const p99Of = (results: readonly Result[]): number =>
  quantile(
    results.map(({ took }) => took),
    0.99,
  )

export const check = defineCheck({
  id: 'R-14',
  what: 'connections that send a byte a second of a header or of a body, that ask and never read, or that say nothing, while apps are served',
  required:
    'apps notice nothing, their p99 is twice that of before at most; slow senders are hung up on within 15 s, whoever does not read or is silent within a minute or so; descriptors are back to where they were',
  timed: true,
  async run(run, { people, perSecond, before, duration, slower, headers, bodies, readers, idle, hungUp }) {
    const site = await prepareSite(run, { people })
    const node = await startNode(run, site)
    const { host, port } = new URL(site.origin)
    const load = createLoad(run, site)
    await driveFor(load, before, { perSecond })
    const first = load.results.length
    const usual = descriptorsOf(node.pid)
    const driven = load.drive({ perSecond })
    const slow = await openAll(run, Number(port), kindsOf(host, { headers, bodies, readers, idle }))
    run.told('slow connections', slow.length)
    await delay(1000)
    run.told('descriptors meanwhile', descriptorsOf(node.pid))
    await delay(duration)
    load.stop()
    await driven
    const meanwhile = load.results.slice(first)
    run.told('load', (1000 * meanwhile.length) / duration, 'requests/s')
    run.exactly('served as ever', countOf(meanwhile, 'ok'), meanwhile.length)
    const ratio = p99Of(meanwhile) / p99Of(load.results.slice(0, first))
    run.atMost('p99, times that of before', ratio, slower)

    const patience = Object.entries(hungUp)
    for (const [name, limit] of patience) {
      const ofKind = slow.filter(({ kind }) => kind.name === name)
      for (
        const until = performance.now() + limit;
        performance.now() < until && ofKind.some(({ took }) => took === undefined);
      )
        await delay(100)
      run.atMost(
        `${name}: hung up on after (longest)`,
        quantile(
          ofKind.map(({ took = Number.POSITIVE_INFINITY }) => took / 1000),
          1,
        ),
        limit / 1000,
        's',
      )
    }
    for (let tries = 0; tries < LONGEST_IDLE / 100 && descriptorsOf(node.pid) > usual + 10; tries++) await delay(100)
    run.atMost('descriptors at the end, more than before', descriptorsOf(node.pid) - usual, 10)
    run.that('the node lives', node.running())
    run.that('nothing on stderr', node.stderr() === '')
  },
})

await whenStarted(import.meta.url, check)
