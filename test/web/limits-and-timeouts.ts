import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { isLoopback } from '../../src/lib/net/network.ts'
import type { Store } from '../../src/store/store.ts'
import { fastifyOptions, TIMEOUTS } from '../../src/web/kit/limits/limits.ts'
import { operatorSees } from '../fixtures/answers/refusals.ts'
import { basic } from '../fixtures/clients/http.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { type Instance, startInstance } from '../fixtures/instance/instance.ts'
import { SYNC, startWorld } from '../fixtures/instance/world.ts'
import { query } from '../fixtures/store/database.ts'

/** What a connection got for these bytes until it was closed by the server. */
function talk({ origin }: Pick<Instance, 'origin'>, ...parts: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(origin)
    let text = ''
    const socket: Socket = connect(Number(port), hostname, () => {
      for (const part of parts) socket.write(part)
    })
    socket.on('data', (chunk) => {
      text += chunk.toString()
    })
    // Some servers reset a connection that still sends; what came before counts.
    socket.on('error', () => undefined).on('close', () => resolve(text))
  })
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])

/** The refusal in an answer read from the wire, which the operator finds as well. */
async function isRefused(t: Test, instance: Instance, answer: string, status: number): Promise<void> {
  t.equal(statusOf(answer), status, answer.slice(0, 200))
  t.match(answer, /^connection: close\r$/im)
  t.match(answer, /^cache-control: no-store\r$/im)
  const body = JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)) as Record<string, string>
  t.match(body, { error: 'invalid_request', error_description: /^the request is malformed/, refusal_id: String })
  const seen = () => instance.log.some(({ refusal }) => refusal === body['refusal_id'])
  await eventually(async () => seen(), Boolean)
  operatorSees(t, instance, body['refusal_id'] ?? '', {
    status,
    error: 'invalid_request',
    description: body['error_description'] ?? '',
    cause: { rule: 'request-malformed' },
  })
}

type Gate = ReturnType<typeof gate>

function gate() {
  let open: () => void = () => undefined
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}

/** A store that has to be waited for when the server looks whether its database was moved away, as it does before anything else. */
function slowToTellOfMoves(store: Store, asked: Pick<Gate, 'open'>, answer: Pick<Gate, 'passed'>): Store {
  const get: Store['read']['moveState']['get'] = async (name) => {
    asked.open()
    await answer.passed
    return store.read.moveState.get(name)
  }
  return { ...store, read: { ...store.read, moveState: { ...store.read.moveState, get } } }
}

const DOCUMENT = '/id/.well-known/openid-configuration'
const FORM = 'Content-Type: application/x-www-form-urlencoded'

await t.test('TE-25, TE-26, DO-03: what is ambiguous or too large is refused, and the connection closed', async (t) => {
  const { instance } = await startWorld(t)
  const { host } = new URL(instance.origin)
  const post = (...headers: string[]): string =>
    [`POST /id/connect/token HTTP/1.1`, `Host: ${host}`, FORM, ...headers, '', ''].join('\r\n')
  const get = (target: string, ...headers: string[]): string =>
    [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...headers, '', ''].join('\r\n')
  const rows: readonly (readonly [name: string, status: number, request: string])[] = [
    [
      'Content-Length and Transfer-Encoding',
      400,
      `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    ],
    ['two Content-Lengths', 400, `${post('Content-Length: 3', 'Content-Length: 5')}a=b`],
    ['a folded header', 400, post('X-Folded: a\r\n b', 'Content-Length: 0')],
    ['a space before the colon', 400, post('Content-Length : 0')],
    ['a bare line feed', 400, `GET /id/login HTTP/1.1\nHost: ${host}\n\n`],
    ['a bare carriage return', 400, `GET /id/login HTTP/1.1\r\nHost: ${host}\r\n\rX: y\r\n\r\n`],
    ['an unknown transfer coding', 400, `${post('Transfer-Encoding: xchunked')}0\r\n\r\n`],
    ['a chunk size that is none', 400, `${post('Transfer-Encoding: chunked')}zz\r\nab\r\n0\r\n\r\n`],
    ['no Host', 400, 'GET /health/live HTTP/1.1\r\n\r\n'],
    ['LG-22: two Hosts', 400, get('/health/live', 'Host: evil.test')],
    ['HTTP/0.9', 400, 'GET /health/live\r\n\r\n'],
    ['HTTP/2 without TLS', 400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['a header of 16 KiB', 431, get('/health/live', `X-Large: ${'x'.repeat(17_000)}`)],
    ['an address of 16 KiB', 431, get(`/${'x'.repeat(17_000)}`)],
    ['101 headers', 431, get('/health/live', ...Array.from({ length: 101 }, (_, index) => `X-${index}: y`))],
    ['2,001 headers', 431, get('/health/live', ...Array.from({ length: 2001 }, () => 'a:b'))],
    ['TE-26: a chunk extension without end', 413, `${post('Transfer-Encoding: chunked')}1;${'x'.repeat(20_000)}`],
  ]
  for (const [name, status, request] of rows)
    await t.test(name, async (t) => isRefused(t, instance, await talk(instance, request), status))
  t.equal((await fetch(`${instance.origin}/health/live`)).status, 200)
})

await t.test('TE-05: a body beyond its limit is not waited for', async (t) => {
  const { instance } = await startWorld(t)
  const { host } = new URL(instance.origin)
  const send = (limit: string, body: string) =>
    talk(
      instance,
      `POST /id/connect/token HTTP/1.1\r\nHost: ${host}\r\n${FORM}\r\nConnection: close\r\n${limit}\r\n\r\n`,
      body,
    )
  t.equal(statusOf(await send('Content-Length: 104857600', 'x=')), 413, 'said to be 100 MiB')
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
  t.equal(statusOf(await send('Transfer-Encoding: chunked', chunk.repeat(5))), 413, 'in chunks')
})

await t.test('TE-06: many parameters', async (t) => {
  const { instance } = await startWorld(t)
  const ask = (body: string) =>
    fetch(`${instance.issuer}/connect/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic(SYNC) },
      body,
    })
  for (const name of ['', 'resource', 'x']) {
    const pairs = Array.from({ length: 1001 }, (_, index) => `${name || index}=1`)
    const answer = await ask(pairs.join('&'))
    t.equal(answer.status, 400)
    t.match(await answer.json(), {
      error: 'invalid_request',
      error_description: /^(more than 64 parameters|parameter is repeated)/,
    })
  }
})

await t.test('R-14: whoever sends slowly is hung up on', async (t) => {
  const timeouts = { headers: 200, request: 300, connection: 400, keepAlive: 200, checking: 20 }
  const instance = await startInstance({ timeouts })
  t.teardown(() => instance.close())
  const { host } = new URL(instance.origin)
  await t.test('with the header', async (t) => {
    const slow = Array.from({ length: 50 }, () => talk(instance, `GET /id/login HTTP/1.1\r\nHost: ${host}\r\nX: `))
    t.equal((await fetch(`${instance.origin}/health/live`)).status, 200, 'others are served meanwhile')
    for (const answer of await Promise.all(slow)) await isRefused(t, instance, answer, 408)
  })
  await t.test('with the body', async (t) => {
    const head = `POST /id/connect/token HTTP/1.1\r\nHost: ${host}\r\n${FORM}\r\nContent-Length: 100\r\n\r\nx=`
    await isRefused(t, instance, await talk(instance, head), 408)
  })
  await t.test('with anything at all, or with the next request', async (t) => {
    t.match(await talk(instance), /^$|^HTTP\/1\.1 408 /)
    t.equal(statusOf(await talk(instance, `GET /health/live HTTP/1.1\r\nHost: ${host}\r\n\r\n`)), 200)
  })
})

// The head of a request for a token whose body does not follow; without the name of an app it would be on the log alone.
const unfinished = (host: string): string => {
  const headers = `${FORM}\r\nAuthorization: ${basic(SYNC).authorization}\r\nContent-Length: 100\r\nExpect: 100-continue`
  return `POST /id/connect/token HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n\r\n`
}

await t.test('DO-09: whoever has hung up is noted with their address, and takes no other refusal along', async (t) => {
  // A more talkative log asks for the address before they do.
  const { instance } = await startWorld(t, { TESSERA_LOG_LEVEL: 'warn' })
  const { host, hostname, port } = new URL(instance.origin)
  // The server has begun to listen when it says that it goes on.
  const hangUp = () =>
    new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write(unfinished(host)))
      socket.on('data', () => socket.write('x=', () => socket.resetAndDestroy())).on('close', () => resolve())
    })
  await Promise.all(Array.from({ length: 20 }, hangUp))
  await fetch(`${instance.issuer}/connect/token`, { method: 'POST' })
  const rows = await eventually(
    () => query<{ address: string }>(instance, 'select address from refusals'),
    (found) => found.length > 20,
  )
  t.equal(rows.length, 21, 'twenty that hung up, and one that said nothing')
  t.strictSame(
    rows.filter(({ address }) => !isLoopback(address)),
    [],
  )
  t.strictSame(instance.log, [], 'nothing went wrong')
})

await t.test('DO-09: so is whoever hangs up while the database answers, before the body is read', async (t) => {
  await t.test('and has sent half of it', (t) => hangsUpEarly(t, unfinished))
  await t.test('and has sent all of it', (t) => hangsUpEarly(t, (host) => unfinished(host) + 'x'.repeat(100)))
})

async function hangsUpEarly(t: Test, request: (host: string) => string): Promise<void> {
  const [asked, answer] = [gate(), gate()]
  const { instance } = await startWorld(t, {}, { through: (store) => slowToTellOfMoves(store, asked, answer) })
  const { host, hostname, port } = new URL(instance.origin)
  const closed = new Promise<void>((resolve) => {
    instance.server.server.once('connection', (socket: Socket) => socket.once('close', () => resolve()))
  })
  const client = connect(Number(port), hostname, () => client.write(request(host)))
  await asked.passed
  client.resetAndDestroy()
  await closed
  answer.open()
  const rows = await eventually(
    () => query<{ address: string }>(instance, 'select address from refusals'),
    (found) => found.length > 0,
  )
  t.equal(rows.length, 1)
  t.ok(isLoopback(rows[0]?.address ?? ''))
}

await t.test('the limits of a server are as documented', async (t) => {
  const { instance } = await startWorld(t)
  const { server, initialConfig } = instance.server
  t.match(server, { headersTimeout: 10_000, requestTimeout: 15_000, keepAliveTimeout: 65_000, timeout: 60_000 })
  t.match(server, { maxRequestsPerSocket: 1000, maxConnections: 4096 })
  t.match(initialConfig, { bodyLimit: 16_384, handlerTimeout: 10_000, connectionTimeout: 60_000 })
})

await t.test('a request without a body that takes too long to answer is answered 503', async (t) => {
  const timeouts = { ...TIMEOUTS, handler: 50 }
  const http = { trustedProxies: [], logLevel: 'silent' }
  const app = Fastify(fastifyOptions(http, undefined, timeouts, (_, socket) => socket.destroy()))
  t.teardown(() => app.close())
  app.get('/', () => new Promise(() => undefined))
  t.equal((await app.inject('/')).statusCode, 503)
})

await t.test('LG-22: only the host of the issuer is answered', async (t) => {
  const settings = { TESSERA_ISSUER: 'https://id.example.com/id', TESSERA_HOSTS: 'tessera:5080, 10.1.2.3' }
  const instance = await startInstance({ settings })
  t.teardown(() => instance.close())
  const ask = (path: string, headers: Readonly<Record<string, string>>) =>
    new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const request = httpRequest(`${instance.origin}${path}`, { headers }, (answer) => {
        const complete = (chunks: unknown[]) =>
          resolve({ status: answer.statusCode, text: Buffer.concat(chunks as Buffer[]).toString() })
        answer.toArray().then(complete, reject)
      })
      request.on('error', reject).end()
    })

  for (const host of [
    'id.example.com',
    'ID.Example.COM',
    'tessera:5080',
    '10.1.2.3',
    'localhost:9',
    '127.0.0.1',
    '[::1]:80',
  ])
    t.equal((await ask(DOCUMENT, { host })).status, 200, host)
  for (const host of [
    'evil.test',
    'id.example.com.evil.test',
    'id.example.com:8443',
    'x@id.example.com',
    'tessera',
    'localhost.evil.test',
    '127.0.0.1.evil.test',
    '192.0.2.1',
  ]) {
    const { status, text } = await ask(DOCUMENT, { host })
    t.equal(status, 421, host)
    t.match(JSON.parse(text), {
      error: 'invalid_request',
      error_description: 'this server does not serve the host name of this request',
      refusal_id: String,
    })
    t.equal((await ask('/health/ready', { host })).status, 200, 'monitoring may use any name')
  }
  for (const headers of [
    { 'x-forwarded-host': 'evil.test' },
    { forwarded: 'host=evil.test;proto=http' },
    { 'x-forwarded-proto': 'http', 'x-forwarded-port': '81', 'x-forwarded-prefix': '/evil' },
    { 'x-original-url': '/id/login', 'x-rewrite-url': '/id/login' },
  ]) {
    const { status, text } = await ask(DOCUMENT, { host: 'id.example.com', ...headers })
    t.equal(status, 200)
    t.match(JSON.parse(text), {
      issuer: 'https://id.example.com/id',
      token_endpoint: 'https://id.example.com/id/connect/token',
    })
    t.notMatch(text, /evil|:81/)
  }
})

await t.test('AD-13: no header and no parameter makes one method another', async (t) => {
  const { instance } = await startWorld(t)
  for (const headers of [
    { 'x-http-method-override': 'POST' },
    { 'x-method-override': 'POST' },
    { 'x-http-method': 'POST' },
  ])
    t.equal((await fetch(`${instance.issuer}/connect/token?_method=POST`, { headers })).status, 405)
})
