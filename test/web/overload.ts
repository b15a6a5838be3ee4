// SQLite alone: is about counting requests, which no database does
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { Refused } from '../../src/domain/refusals/errors.ts'
import { registerOverload } from '../../src/web/kit/limits/overload.ts'
import { createPlaces, ROOM, type Room } from '../../src/web/kit/limits/places.ts'
import { createNetworks } from '../../src/web/kit/requests/network.ts'
import { operatorSees, refused } from '../fixtures/answers/refusals.ts'
import { asserting, assertionClaims, jwksOf, makeKey, signAs } from '../fixtures/clients/app-keys.ts'
import { authorizeUrl, endSessionUrl, requestServiceToken } from '../fixtures/clients/endpoints.ts'
import { type Answer, basic, type Fields, type HeaderFields, postForm, send } from '../fixtures/clients/http.ts'
import { startNotifiedApp } from '../fixtures/clients/notified-app.ts'
import { METADATA, sendRegistration } from '../fixtures/clients/registration.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import type { Instance } from '../fixtures/instance/instance.ts'
import { METRICS, readMetrics } from '../fixtures/instance/metrics.ts'
import { OTHER, SYNC, startWorld, WEB, WEB_REDIRECT, type World } from '../fixtures/instance/world.ts'
import { atSignIn, isPastSignIn } from '../fixtures/sign-in/sign-in.ts'
import { changeApp } from '../fixtures/tokens/reference-tokens.ts'

/** A server with a slow address, `/work`, that answers when it is told to, and what it counts. */
async function startSlow(t: Test, room: Partial<Room> = {}) {
  const places = createPlaces({ ...ROOM, ...room })
  const app = Fastify({ trustProxy: ['127.0.0.1', '::1'], forceCloseConnections: true })
  t.teardown(() => app.close())
  const gates = { early: createGate(), work: createGate() }
  let arrived = 0
  app.addHook('onRequest', async ({ url }) => {
    arrived += 1
    if (url === '/early') await gates.early.opened
  })
  registerOverload(app, places, createNetworks({ issuer: 'http://localhost/id', trustedProxies: [] }))
  app.setErrorHandler((error, _request, reply) =>
    error instanceof Refused ? reply.code(error.status).send(error.description) : reply.code(500).send(),
  )
  app.get('/work', async () => {
    await gates.work.opened
    return 'done'
  })
  app.get('/early', async () => 'done')
  app.get('/keys', { config: { public: true } }, async () => {
    if (room.published === 1) await gates.work.opened
    return 'keys'
  })
  app.get('/health/ready', async () => 'ready')
  const ask = (address?: string) =>
    app.inject({ url: '/work', headers: address === undefined ? {} : { 'x-forwarded-for': address } })
  const inProgress = (count: number) =>
    eventually(
      async () => places.figures().inProgress,
      (now) => now === count,
    )
  return { app, places, ask, inProgress, gates, arrived: () => arrived }
}

function createGate() {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

await t.test(
  'R-22: what could only wait is refused at once, and there is room again when answers are given',
  async (t) => {
    const { app, ask, gates } = await startSlow(t)
    const waiting = Array.from({ length: 500 }, () => ask().then((response) => response))
    const refusal = await ask()
    t.equal(refusal.statusCode, 503)
    t.equal(refusal.body, 'the server is overloaded right now; try again shortly')
    t.equal((await app.inject('/health/ready')).statusCode, 200, 'monitoring is not turned away')
    gates.work.open()
    t.ok((await Promise.all(waiting)).every(({ statusCode }) => statusCode === 200))
    t.equal((await ask()).statusCode, 200)
  },
)

await t.test('one network holds a tenth of the places, and leaves the others theirs', async (t) => {
  const { places, ask, gates } = await startSlow(t)
  const addresses = Array.from({ length: 50 }, (_, n) => `2001:db8:0:1::${n.toString(16)}`)
  const waiting = addresses.map((address) => ask(address).then((response) => response))
  const refusal = await ask('2001:db8:0:1:ffff::1')
  t.strictSame(
    [refusal.statusCode, refusal.body],
    [429, 'too many requests from your network are in progress; try again shortly'],
  )
  const others = ['2001:db8:0:2::1', '192.0.2.1', undefined].map((address) => ask(address).then((answer) => answer))
  const here = Array.from({ length: 60 }, () => ask().then((response) => response))
  t.match(places.figures(), { turnedAway: { places: 0, network: 1, waits: 0 } })
  gates.work.open()
  const answers = await Promise.all([...waiting, ...others, ...here])
  t.ok(
    answers.every(({ statusCode }) => statusCode === 200),
    'this machine itself is no network',
  )
  t.equal((await ask('2001:db8:0:1::1')).statusCode, 200)
})

await t.test('keys and discovery have places of their own', async (t) => {
  const { app, places, ask, gates } = await startSlow(t, { places: 2, placesOfNetwork: 2, published: 1 })
  const keys = (address: string) => app.inject({ url: '/keys', headers: { 'x-forwarded-for': address } })
  const [HERE, THERE] = ['192.0.2.1', '192.0.2.2']
  const waiting = [ask(HERE), ask(HERE), keys(HERE)].map((one) => one.then(({ statusCode }) => statusCode))
  t.equal((await ask(THERE)).statusCode, 503, 'no place is left')
  const refused = await keys(THERE)
  t.equal(refused.statusCode, 503, 'and for keys there is one')
  t.strictSame(places.figures(), {
    inProgress: 3,
    waitingOutside: 0,
    turnedAway: { places: 2, network: 0, waits: 0 },
  })
  gates.work.open()
  t.strictSame(await Promise.all(waiting), [200, 200, 200])
})

await t.test('whoever hangs up gives the place back, however many requests were on the connection', async (t) => {
  const { app, places, inProgress, gates, arrived } = await startSlow(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const sendAtOnce = (path: string, times: number) => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(times))
    return socket
  }

  await t.test('five sent at once, before the first is answered', async (t) => {
    const socket = sendAtOnce('/work', 5)
    t.equal(await inProgress(5), 5)
    socket.destroy()
    t.equal(await inProgress(0), 0)
  })

  await t.test('hung up before counting began', async (t) => {
    const before = arrived()
    const socket = sendAtOnce('/early', 1)
    await eventually(
      async () => arrived(),
      (now) => now > before,
    )
    socket.destroy()
    const connections = promisify(app.server.getConnections.bind(app.server))
    t.equal(await eventually(connections, (count) => count === 0), 0)
    gates.early.open()
    gates.work.open()
    t.equal((await send(`http://127.0.0.1:${port}/early`)).status, 200)
    t.equal(await inProgress(0), 0)
  })

  t.equal(places.figures().inProgress, 0)
})

const PROXY = { ...METRICS, TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' }
const SETTINGS = {
  ...PROXY,
  TESSERA_OUTBOUND_EXEMPT_HOSTS: '127.0.0.1',
  TESSERA_REQUEST_OBJECTS: 'true',
  TESSERA_REGISTRATION: 'open',
  TESSERA_REGISTRATION_HOURLY: '1000',
}
const SMALL = { places: 2, placesOfNetwork: 2, waits: 20, waitsForSource: 4, waitsOfNetwork: 3 }
const [HERE, THERE, ELSEWHERE] = ['203.0.113.9', '2001:db8::1', '192.0.2.1']
const from = (address: string): HeaderFields => ({ 'x-forwarded-for': address })
const KEYED = 'my.trusted.app/keyed'

/** Somebody else's server, which answers everything when it is told to. */
async function startOutside(t: Test, body: string) {
  const gate = createGate()
  let asked = 0
  const server = createServer((_request, response) => {
    asked += 1
    void gate.opened.then(() => response.end(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/slow`
  return { url, answer: gate.open, asked: () => asked }
}

/** What `/metrics` says of requests. */
async function figuresOf(instance: Instance) {
  const text = await readMetrics(instance)
  const read = (name: string): number => Number(new RegExp(`^tessera_requests_${name} (\\d+)$`, 'm').exec(text)?.[1])
  return {
    inProgress: read('in_progress'),
    waiting: read('waiting_outside'),
    turnedAway: {
      places: read('turned_away_total\\{full="places"\\}'),
      network: read('turned_away_total\\{full="network"\\}'),
      waits: read('turned_away_total\\{full="waits"\\}'),
    },
  }
}

const turnedAway = (cause: string) => ({
  status: 503,
  error: 'temporarily_unavailable',
  description: 'too many requests are waiting for other servers; try again shortly',
  cause: { rule: 'outside-busy', cause },
})

const isServed = async (t: Test, instance: Instance, address: string): Promise<void> => {
  const token = await requestServiceToken(instance, { ...basic(SYNC), ...from(address) })
  t.equal(token.status, 200, `a token for ${address}`)
}

const key = await makeKey('ES256')

/** A way to make this server wait for somebody else's: `ask` sends the request that does. */
interface Way {
  readonly body: string
  prepare(world: World, url: string): Promise<unknown>
  ask(instance: Instance, url: string, headers: HeaderFields): Promise<Answer>
  /** What those who waited are answered in the end. */
  readonly status: number
}

const addKeyed = ({ instance, service }: World, jwksUri: string): Promise<unknown> =>
  instance.addApp({
    applicationUri: KEYED,
    systemUserAllowed: true,
    systemUser: service.id,
    scope: ['read'],
    tokenEndpointAuthMethod: 'private_key_jwt',
    jwksUri,
  })

const askAsKeyed = async (instance: Instance, path: string, fields: Fields, headers: HeaderFields = {}) => {
  const assertion = await signAs(key, assertionClaims(instance, KEYED))
  return postForm(`${instance.issuer}/connect/${path}`, { ...fields, ...asserting(assertion) }, headers)
}

const WAYS: Readonly<Record<string, Way>> = {
  jwks_uri: {
    body: jwksOf(key),
    status: 200,
    prepare: addKeyed,
    ask: (instance, _url, headers) => askAsKeyed(instance, 'token', { grant_type: 'client_credentials' }, headers),
  },
  request_uri: {
    body: 'no request object',
    status: 303,
    prepare: ({ instance }, uri) => changeApp(instance, WEB, { requestUris: [uri] }),
    ask: (instance, request_uri, headers) =>
      send(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, request_uri }), {
        redirect: 'manual',
        headers: { ...headers },
      }),
  },
  sector_identifier_uri: {
    body: JSON.stringify(METADATA.redirect_uris),
    status: 201,
    prepare: async () => undefined,
    ask: (instance, sector_identifier_uri, headers) =>
      sendRegistration(instance, { ...METADATA, sector_identifier_uri }, headers),
  },
}

for (const [name, { body, status, prepare, ask }] of Object.entries(WAYS))
  await t.test(`a slow ${name} of somebody: others are served, one fetch is made, and few wait for it`, async (t) => {
    const world = await startWorld(t, SETTINGS, { room: SMALL })
    const { instance } = world
    const outside = await startOutside(t, body)
    await prepare(world, outside.url)
    const asking: Promise<Answer>[] = []
    const oneMore = async (address: string): Promise<void> => {
      asking.push(ask(instance, outside.url, from(address)))
      const waits = await eventually(
        () => figuresOf(instance),
        ({ waiting, inProgress }) => waiting === asking.length && inProgress === 0,
      )
      t.match(waits, { waiting: asking.length, inProgress: 0 })
    }
    const isTurnedAway = async (address: string, cause: string): Promise<void> => {
      const response = await ask(instance, outside.url, from(address))
      t.equal(response.headers.get('retry-after'), '2')
      if (status === 303) {
        const [, id = ''] = /id="refusal-id"[^>]*>([^<]+)</.exec(response.text) ?? []
        return operatorSees(t, instance, id.trim(), turnedAway(cause))
      }
      return refused(t, instance, response, turnedAway(cause))
    }

    for (let turn = 0; turn < 3; turn++) await oneMore(HERE)
    await isServed(t, instance, ELSEWHERE)
    await isServed(t, instance, HERE)
    await isTurnedAway(HERE, '3 requests from this network are already waiting for other servers')
    await oneMore(THERE)
    await isTurnedAway(THERE, `4 requests are already waiting for ${outside.url}`)
    t.equal(outside.asked(), 1, 'one fetch')
    outside.answer()
    t.strictSame([...new Set((await Promise.all(asking)).map((answer) => answer.status))], [status])
    t.strictSame(await figuresOf(instance), {
      inProgress: 0,
      waiting: 0,
      turnedAway: { places: 0, network: 0, waits: 2 },
    })
    t.equal((await ask(instance, outside.url, from(HERE))).status, status)
  })

await t.test('whoever hangs up while it waits outside takes nothing along, and nobody else', async (t) => {
  const world = await startWorld(t, SETTINGS, { room: { ...SMALL, waits: 2 } })
  const { instance } = world
  const outside = await startOutside(t, jwksOf(key))
  await addKeyed(world, outside.url)
  const waits = (count: number) =>
    eventually(
      () => figuresOf(instance),
      ({ waiting, inProgress }) => waiting === count && inProgress === 0,
    )
  const hangUp = new AbortController()
  const assertion = await signAs(key, assertionClaims(instance, KEYED))
  const given = send(`${instance.issuer}/connect/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...from(HERE) },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...asserting(assertion) }),
    signal: hangUp.signal,
  }).catch((error: Error) => error.name)
  t.match(await waits(1), { waiting: 1, inProgress: 0 })
  const patient = askAsKeyed(instance, 'token', { grant_type: 'client_credentials' }, from(THERE))
  t.match(await waits(2), { waiting: 2, inProgress: 0 })
  hangUp.abort()
  t.equal(await given, 'AbortError')
  const full = await askAsKeyed(instance, 'token', { grant_type: 'client_credentials' }, from(ELSEWHERE))
  refused(t, instance, full, turnedAway('2 requests are already waiting for other servers'))
  await isServed(t, instance, ELSEWHERE)
  outside.answer()
  t.equal((await patient).status, 200)
  t.match(await waits(0), { waiting: 0, inProgress: 0 })
  for (let turn = 0; turn < 5; turn++) await isServed(t, instance, HERE)
  t.match(await waits(0), { waiting: 0, inProgress: 0, turnedAway: { places: 0, network: 0, waits: 1 } })
})

await t.test(
  'slow lists of sectors hold up no registration without one, nor apps that wait for their keys',
  async (t) => {
    const world = await startWorld(t, SETTINGS, {
      room: { ...SMALL, waits: 30, waitsForSource: 10, waitsOfNetwork: 9 },
    })
    const { instance } = world
    const outside = await startOutside(t, jwksOf(key))
    await addKeyed(world, outside.url)
    const registering = (turn: number) =>
      sendRegistration(
        instance,
        { ...METADATA, sector_identifier_uri: `${outside.url}/${turn}` },
        from(turn % 2 === 0 ? HERE : THERE),
      )
    const slow = Array.from({ length: 10 }, (_, turn) => registering(turn))
    await eventually(
      () => figuresOf(instance),
      ({ waiting }) => waiting === 10,
    )
    t.equal((await sendRegistration(instance, METADATA, from(ELSEWHERE))).status, 201)
    const cause = '10 requests are already waiting for the lists of sectors'
    refused(t, instance, await registering(11), turnedAway(cause))
    const keyed = askAsKeyed(instance, 'token', { grant_type: 'client_credentials' }, from(ELSEWHERE))
    const { waiting } = await eventually(
      () => figuresOf(instance),
      ({ waiting }) => waiting === 11,
    )
    t.equal(waiting, 11, 'the app waits for its keys')
    outside.answer()
    t.equal((await keyed).status, 200)
    t.strictSame([...new Set((await Promise.all(slow)).map(({ status }) => status))], [400], 'keys are no list')
  },
)

await t.test('the server of an API that proved itself counts by itself in its network', async (t) => {
  const world = await startWorld(t, SETTINGS, { room: { ...SMALL, places: 9, placesOfNetwork: 1, placesOfCaller: 3 } })
  const { instance } = world
  const { apps } = instance.core.store.read
  const gate = createGate()
  let held = 0
  const introspect = (app: string, secret?: string) =>
    postForm(`${instance.issuer}/connect/introspect`, { token: 'x' }, { ...basic(app, secret), ...from(HERE) })
  const statusesOf = (answers: readonly Promise<Answer>[]) =>
    Promise.all(answers.map(async (answer) => (await answer).status))
  t.strictSame(await statusesOf([introspect(WEB, 'wrong')]), [401])
  const { find } = apps
  apps.find = async (name) => {
    held += 1
    await gate.opened
    return find(name)
  }
  t.teardown(() => Object.assign(apps, { find }))
  const comeTo = (count: number) =>
    eventually(
      async () => held,
      (now) => now === count,
    )

  const unknown = introspect(WEB)
  await comeTo(1)
  t.strictSame(await statusesOf([introspect(WEB), introspect(OTHER)]), [429, 429], 'who guesses is known to nobody')
  gate.open()
  t.equal((await unknown).status, 200)

  const again = createGate()
  apps.find = async (name) => {
    held += 1
    await again.opened
    return find(name)
  }
  const many = Array.from({ length: 3 }, () => introspect(WEB))
  await comeTo(4)
  const one = introspect(OTHER)
  await comeTo(5)
  t.strictSame(await statusesOf([introspect(WEB), introspect(OTHER)]), [429, 429], 'each has its share')
  again.open()
  t.strictSame(await statusesOf([...many, one]), [200, 200, 200, 200])
})

await t.test('an app whose keys come slowly holds nobody up who opens an API session or signs in', async (t) => {
  const world = await startWorld(t, SETTINGS)
  const { instance } = world
  const outside = await startOutside(t, jwksOf(key))
  await addKeyed(world, outside.url)
  const slow = Array.from({ length: 20 }, () => askAsKeyed(instance, 'session', { token: 'nothing' }))
  await eventually(
    () => figuresOf(instance),
    ({ waiting }) => waiting === 20,
  )
  const other = await postForm(`${instance.issuer}/connect/session`, { token: 'nothing' }, basic(WEB))
  t.not(other.status, 503)
  t.match(await figuresOf(instance), { waiting: 20 }, 'they wait still')
  const { enter } = await atSignIn(instance)
  t.ok(isPastSignIn(await enter('david', 'correct horse battery staple')))
  outside.answer()
  await Promise.all(slow)
})

await t.test(
  'where no more may wait, whoever signs out waits for no app, and the apps are told all the same',
  async (t) => {
    const { instance } = await startWorld(t, SETTINGS, { room: { waits: 0 } })
    const site = await startNotifiedApp(t)
    site.answer = 'hang'
    await changeApp(instance, WEB, { backchannelLogoutUri: site.uri })
    const { browser, enter } = await atSignIn(instance)
    const consent = await enter('david', 'correct horse battery staple')
    t.ok((await browser.submit(consent, 'consent-approve')).leftTo)
    const page = await browser.open(endSessionUrl(instance))
    t.equal((await browser.submit(page, 'logout-confirm')).status, 200)
    t.equal((await site.told(1)).length, 1)
    t.match(await figuresOf(instance), { inProgress: 0, waiting: 0, turnedAway: { waits: 1 } })
  },
)

await t.test('too many of one network are refused under a rule of their own', async (t) => {
  const { instance } = await startWorld(t, PROXY, { room: { placesOfNetwork: 0 } })
  const response = await requestServiceToken(instance, { ...basic(SYNC), ...from(HERE) })
  t.equal(response.headers.get('retry-after'), '1')
  refused(t, instance, response, {
    status: 429,
    error: 'temporarily_unavailable',
    description: 'too many requests from your network are in progress; try again shortly',
    cause: { rule: 'network-busy', cause: '0 requests from this network are in progress' },
  })
  const silent = await requestServiceToken(instance)
  t.equal(silent.status, 429, 'nor is a proxy let in that does not say for whom it asks')
})
