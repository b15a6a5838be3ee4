import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { isLoopback } from '../../src/lib/net/network.ts'
import { refused } from '../fixtures/answers/refusals.ts'
import { asserting, assertionClaims, makeKey, signAs } from '../fixtures/clients/app-keys.ts'
import { authorizeUrl, requestToken } from '../fixtures/clients/endpoints.ts'
import { type Answer, basic, type Fields, type HeaderFields, postForm, send } from '../fixtures/clients/http.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import type { Instance } from '../fixtures/instance/instance.ts'
import { OTHER, SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'
import { query } from '../fixtures/store/database.ts'

const PROXY = { TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' }
const from = (address: string): HeaderFields => ({ 'x-forwarded-for': address })

const tooMany = (cause: string) => ({
  status: 429,
  error: 'temporarily_unavailable',
  description: 'too many requests; try again after the time given in Retry-After',
  cause: { rule: 'too-many-requests', cause },
})

async function isTooMany(t: Test, instance: Instance, response: Answer, cause: string): Promise<void> {
  t.match(response.headers.get('retry-after'), /^[1-9]\d?$/)
  refused(t, instance, response, tooMany(cause))
}

const times = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))

for (const [endpoint, setting, fields] of [
  ['token', 'TESSERA_LIMIT_TOKEN', { grant_type: 'client_credentials' }],
  ['revocation', 'TESSERA_LIMIT_TOKEN', { token: 'nothing' }],
  ['introspect', 'TESSERA_LIMIT_INTROSPECT', { token: 'nothing' }],
] as const)
  await t.test(`${endpoint}: so many a second of one app, and of each app its own`, async (t) => {
    const { instance } = await startWorld(t, { ...PROXY, [setting]: '5' })
    const ask = (app: string, headers = from('203.0.113.9')) =>
      postForm(`${instance.issuer}/connect/${endpoint}`, fields, { ...basic(app), ...headers })
    const answers = await times(40, () => ask(SYNC))
    const late = answers.find(({ status }) => status === 429)
    t.ok(answers.filter(({ status }) => status === 200).length >= 5)
    if (!late) throw new Error('nothing was limited')
    await isTooMany(t, instance, late, `more than 5 per second, the limit of ${setting}`)
    t.not((await ask(OTHER)).status, 429, 'another app is not affected')
    const later = await eventually(
      async () => (await ask(SYNC)).status,
      (status) => status === 200,
    )
    t.equal(later, 200, 'and a second later all is well')
    const silent = await times(40, () => ask(SYNC, {}))
    t.ok(
      silent.some(({ status }) => status === 429),
      'a proxy that does not say for whom it asks is limited like anybody',
    )
  })

await t.test('strangers who name an app use up nothing of what it may ask', async (t) => {
  const { instance } = await startWorld(t, { ...PROXY, TESSERA_LIMIT_TOKEN: '5' })
  const url = `${instance.issuer}/connect/token`
  const grant = { grant_type: 'client_credentials' }
  await times(40, () => postForm(url, grant, { ...basic(SYNC, 'not-the-secret-of-the-app'), ...from('203.0.113.9') }))
  t.equal((await postForm(url, grant, { ...basic(SYNC), ...from('203.0.113.10') })).status, 200)
})

await t.test(
  'a person changes their own tokens and consents so often a minute, and looks as often as they like',
  async (t) => {
    const { instance } = await startWorld(t, { ...PROXY, TESSERA_LIMIT_PROFILE: '3' })
    const own = { origin: instance.origin, 'sec-fetch-site': 'same-origin' }
    const signedIn = async (login: string) => {
      const browser = createBrowser(instance.origin)
      const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
      await signInAndConsent(browser, await browser.open(url), login)
      return (method: string, path: string) =>
        browser.request(`${instance.origin}/profile/api/v1/consents${path}`, {
          method,
          headers: { ...own, ...from('203.0.113.9') },
        })
    }
    const ofWeb = `/${encodeURIComponent(WEB)}`
    const david = await signedIn('david')
    const statuses = []
    for (let turn = 0; turn < 4; turn++) statuses.push((await david('DELETE', ofWeb)).status)
    t.strictSame(statuses, [204, 404, 404, 429])
    const late = await david('DELETE', ofWeb)
    t.match(late.headers.get('retry-after'), /^[1-9]\d?$/)
    t.match(await late.json(), {
      status: 429,
      detail: 'too many requests; try again after the time given in Retry-After',
    })
    t.equal((await david('GET', '')).status, 200)
    t.equal((await (await signedIn('anna'))('DELETE', ofWeb)).status, 204, 'somebody else is not affected')
    const limited = instance.log.find(({ error }) => error === 'temporarily_unavailable')
    t.match(limited?.['cause'], { cause: 'more than 3 per minute, the limit of TESSERA_LIMIT_PROFILE' })
  },
)

await t.test('TE-16: guessing the secret of an app is limited by app and network', async (t) => {
  const { instance } = await startWorld(t, { ...PROXY, TESSERA_LIMIT_APP_FAILURES: '20' })
  const grant = { grant_type: 'client_credentials' }
  const ask = (address: string, app: string, secret?: string) =>
    requestToken(instance, grant, { ...basic(app, secret), ...from(address) })
  for (let turn = 0; turn < 20; turn++) t.equal((await ask('192.0.2.1', SYNC, 'not-the-secret-of-the-app')).status, 401)
  const cause = 'more than 20 per minute, the limit of TESSERA_LIMIT_APP_FAILURES'
  await isTooMany(t, instance, await ask('192.0.2.1', SYNC, 'not-the-secret-of-the-app'), cause)
  await isTooMany(t, instance, await ask('192.0.2.1', SYNC), cause)
  t.equal((await ask('192.0.2.2', SYNC)).status, 200, 'the app itself, from elsewhere, still works')
  t.equal((await ask('192.0.2.1', WEB, 'wrong')).status, 401, 'as does another app from there')
  const body = { ...grant, client_id: SYNC, client_secret: 'not-the-secret-of-the-app' }
  const post = await requestToken(instance, body, from('192.0.2.1'))
  t.equal(post.status, 429, 'however it is sent')
})

for (const path of ['token', 'introspect', 'revocation', 'session', 'session/touches', 'session/notices'])
  await t.test(`TE-16: guessing is limited at /connect/${path}, however the app is named`, async (t) => {
    const { instance } = await startWorld(t, { ...PROXY, TESSERA_LIMIT_APP_FAILURES: '3' })
    const others = makeKey('ES256')
    const named = { client_id: '' }
    const ask = (fields: Fields, headers: HeaderFields) =>
      postForm(
        `${instance.issuer}/connect/${path}`,
        { grant_type: 'client_credentials', token: 'x', touches: 'x', ...fields },
        headers,
      )
    const assertion = async () => asserting(await signAs(await others, assertionClaims(instance, SYNC)))
    const ways: Readonly<Record<string, (address: string) => Promise<Answer>>> = {
      basic: (address) => ask({}, { ...basic(SYNC, 'wrong'), ...from(address) }),
      'basic and an empty client_id': (address) => ask(named, { ...basic(SYNC, 'wrong'), ...from(address) }),
      post: (address) => ask({ client_id: SYNC, client_secret: 'wrong' }, from(address)),
      'an assertion': async (address) => ask(await assertion(), from(address)),
      'an assertion and an empty client_id': async (address) =>
        ask({ ...named, ...(await assertion()) }, from(address)),
    }
    for (const [turn, [way, guess]] of Object.entries(ways).entries()) {
      const statuses = []
      for (let count = 0; count < 4; count++) statuses.push((await guess(`192.0.2.${turn}`)).status)
      t.strictSame(statuses, [401, 401, 401, 429], way)
    }
  })

await t.test('authorize: so many a minute of one network', async (t) => {
  const { instance } = await startWorld(t, { ...PROXY, TESSERA_LIMIT_AUTHORIZE: '20' })
  const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
  const ask = (address: string) => send(url, { redirect: 'manual', headers: from(address) })
  for (let turn = 0; turn < 20; turn++) t.equal((await ask(`2001:db8::${turn}`)).status, 303)
  const late = await ask('2001:db8::ffff')
  t.equal(late.status, 429)
  t.match(late.headers.get('retry-after'), /^[1-5]?\d$|^60$/)
  t.match(late.text, /id="refusal-id"/, 'a page for people')
  t.equal((await ask('192.0.2.1')).status, 303)

  await t.test('whoever is signed in has an allowance of their own', async (t) => {
    const browser = createBrowser(instance.origin)
    await signInAndConsent(browser, await browser.open(url), 'david')
    const statuses = []
    for (let turn = 0; turn < 21; turn++)
      statuses.push((await browser.request(url, { headers: from('2001:db8::1') })).status)
    t.strictSame(statuses, [...Array.from({ length: 20 }, () => 303), 429])
    const invented = { ...from('2001:db8::1'), cookie: `tessera-session=${'x'.repeat(43)}` }
    t.equal((await send(url, { redirect: 'manual', headers: invented })).status, 429, 'a cookie alone is none')
  })
})

const FEW = { TESSERA_LIMIT_AUTHORIZE: '2', TESSERA_LIMIT_APP_FAILURES: '2', TESSERA_LIMIT_TOKEN: '2' }

await t.test('under an http issuer without a proxy this machine itself is not limited', async (t) => {
  const { instance } = await startWorld(t, FEW)
  const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
  const grant = { grant_type: 'client_credentials' }
  const statuses = async (ask: () => Promise<Answer>): Promise<number[]> => [
    ...new Set((await times(10, ask)).map(({ status }) => status)),
  ]
  t.strictSame(await statuses(() => send(url, { redirect: 'manual' })), [303])
  t.strictSame(await statuses(() => requestToken(instance, grant, basic(SYNC))), [200])
  t.strictSame(await statuses(() => requestToken(instance, grant, basic(SYNC, 'wrong'))), [401])
})

await t.test('a proxy on this machine that is not declared is one network, whatever it says', async (t) => {
  const { instance } = await startWorld(t, { TESSERA_LIMIT_AUTHORIZE: '2', TESSERA_LIMIT_APP_FAILURES: '2' })
  const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
  const ways: readonly HeaderFields[] = [
    from('192.0.2.1'),
    from('192.0.2.2'),
    { forwarded: 'for=192.0.2.3' },
    { 'x-real-ip': '192.0.2.4' },
    { via: '1.1 proxy' },
    { 'x-forwarded-proto': 'https' },
    { 'x-forwarded-host': 'id.example.com' },
  ]
  const statuses = []
  for (const headers of ways) statuses.push((await send(url, { redirect: 'manual', headers })).status)
  t.strictSame(statuses, [303, 303, 429, 429, 429, 429, 429])
  const guesses = []
  for (const headers of ways.slice(0, 4)) {
    const guess = { ...basic(SYNC, 'wrong'), ...headers }
    guesses.push((await requestToken(instance, { grant_type: 'client_credentials' }, guess)).status)
  }
  t.strictSame(guesses, [401, 401, 429, 429])
})

/** As nginx asks an upstream unless told otherwise: by its own name, in HTTP/1.0, with no word of who asked. */
const askAsNginx = ({ origin }: Instance, path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const { port, hostname, host } = new URL(origin)
    const socket = connect(Number(port), hostname, () =>
      socket.write(`GET ${path} HTTP/1.0\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    )
    socket.once('data', (head) => resolve(Number(head.toString().split(' ')[1])))
    socket.once('error', reject)
  })

await t.test('a proxy on this machine that says nothing at all is told from a program by its HTTP/1.0', async (t) => {
  const { instance } = await startWorld(t, { TESSERA_LIMIT_AUTHORIZE: '2' })
  const url = authorizeUrl({ issuer: '/id' }, { client_id: WEB, redirect_uri: WEB_REDIRECT })
  const statuses = []
  for (let turn = 0; turn < 3; turn++) statuses.push(await askAsNginx(instance, url))
  t.strictSame([statuses, await askAsNginx(instance, '/metrics')], [[303, 303, 429], 403])
  t.equal((await fetch(`${instance.origin}/metrics`)).status, 200)
})

await t.test(
  'under an https issuer nothing is told from what a proxy on this machine could have forwarded',
  async (t) => {
    const settings = { ...FEW, TESSERA_ISSUER: 'https://id.example.com/id' }
    const url = authorizeUrl({ issuer: '/id' }, { client_id: WEB, redirect_uri: WEB_REDIRECT })
    const { authorization: right = '' } = basic(SYNC)
    const { authorization: wrong = '' } = basic(SYNC, 'wrong')
    // As nginx names its upstream, as HAProxy passes on what a stranger named, as people do, and as monitoring may.
    for (const host of ['127.0.0.1:5080', 'localhost', 'localhost:5080', '[::1]:5080', 'id.example.com'])
      await t.test(host, async (t) => {
        const { instance } = await startWorld(t, settings)
        const inject = async (path: string, headers: HeaderFields = {}, payload?: string): Promise<number> =>
          (
            await instance.server.inject({
              ...{ method: payload === undefined ? 'GET' : 'POST', url: path },
              headers: { host, ...headers },
              ...(payload === undefined ? {} : { payload }),
            })
          ).statusCode
        const ask = async (authorization: string): Promise<number[]> => {
          const type = { 'content-type': 'application/x-www-form-urlencoded' }
          const statuses = []
          for (let turn = 0; turn < 4; turn++)
            statuses.push(
              await inject('/id/connect/token', { authorization, ...type }, 'grant_type=client_credentials'),
            )
          return statuses
        }
        const authorize = [await inject(url), await inject(url), await inject(url)]
        t.strictSame(authorize, [303, 303, 429])
        t.ok((await ask(right)).includes(429), 'an app')
        t.strictSame((await ask(wrong)).slice(2), [429, 429], 'guesses')
        t.equal(await inject('/metrics'), 403)
      })
  },
)

await t.test('the log says once that people come through a proxy on this machine that is not declared', async (t) => {
  const { instance } = await startWorld(t, { TESSERA_ISSUER: 'https://id.example.com/id' })
  const warnings = (): unknown[] => instance.log.flatMap(({ level, msg }) => (level === 40 ? [msg] : []))
  const ask = (host: string) => instance.server.inject({ url: '/health/ready', headers: { host } })
  for (const host of ['localhost:5080', '127.0.0.1', 'machine']) await ask(host)
  t.strictSame(warnings(), [], 'a program of the machine is no proxy')
  for (let turn = 0; turn < 2; turn++) await ask('id.example.com')
  t.strictSame(warnings(), [
    'requests come through a proxy on this machine that TESSERA_TRUSTED_PROXIES does not name, or that sends no X-Forwarded-For; everybody behind it shares the limits of one address',
  ])
})

await t.test('0 is no limit', async (t) => {
  const { instance } = await startWorld(t, { ...PROXY, TESSERA_LIMIT_AUTHORIZE: '0', TESSERA_LIMIT_APP_FAILURES: '0' })
  const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
  // No more at once than a network has places, which no limit of these settings changes.
  const statuses = async (ask: () => Promise<Answer>): Promise<number[]> => {
    const all = []
    for (let round = 0; round < 5; round++) all.push(...(await times(20, ask)))
    return [...new Set(all.map(({ status }) => status))]
  }
  t.strictSame(await statuses(() => send(url, { redirect: 'manual', headers: from('192.0.2.1') })), [303])
  const guess = { ...basic(SYNC, 'wrong'), ...from('192.0.2.1') }
  const grant = { grant_type: 'client_credentials' }
  t.strictSame(await statuses(() => requestToken(instance, grant, guess)), [401])
})

await t.test('behind a proxy an address is one address, however it is written', async (t) => {
  const { instance } = await startWorld(t, PROXY)
  /** What the log and the record of a refusal say of where a request with this header came from. */
  const seenAs = async (header: string): Promise<string> => {
    const before = instance.log.length
    const answer = await requestToken(instance, { grant_type: 'x' }, { ...basic(SYNC), ...from(header) })
    const { refusal_id: id } = answer.json as { refusal_id: string }
    const find = () => query<{ address: string }>(instance, 'select address from refusals where id = ?', id)
    const [row] = await eventually(find, (rows) => rows.length > 0)
    const logged = async () => instance.log.slice(before).filter(({ msg }) => msg === 'request')
    const [line] = await eventually(logged, (lines) => lines.length > 0)
    t.equal(line?.['address'], row?.address, 'the log and the record agree')
    return row?.address ?? ''
  }
  const proxy = await seenAs('')
  t.ok(isLoopback(proxy))
  t.notMatch(proxy, /^::ffff:/)
  for (const [header, address] of [
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:4711', '203.0.113.7'],
    [' 203.0.113.7:65535 ', '203.0.113.7'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['2001:DB8:0:0::0001', '2001:db8::1'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['[::FFFF:203.0.113.7]:4711', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:80', 'fe80::1'],
    ['198.51.100.1, 203.0.113.7:4711', '203.0.113.7'],
    ['198.51.100.1, 203.0.113.7:4711, ::ffff:127.0.0.1', '203.0.113.7'],
    ['198.51.100.1, 203.0.113.7:4711, [::1]:8080', '203.0.113.7'],
    ['nonsense, 203.0.113.7:4711,', '203.0.113.7'],
    [', 203.0.113.7, ,', '203.0.113.7'],
    [',,', proxy],
    [`203.0.113.7${', 127.0.0.1'.repeat(31)}`, '203.0.113.7'],
    // What is beyond 32 of them is read by nobody.
    [`203.0.113.7${', 127.0.0.1'.repeat(32)}`, '127.0.0.1'],
    [`203.0.113.7${','.repeat(31)}`, '203.0.113.7'],
    [`203.0.113.7${','.repeat(32)}`, proxy],
    // Nobody vouches for what stands before something that is no address.
    ['198.51.100.1, nonsense', proxy],
    ['203.0.113.7, unknown, 127.0.0.1:1', '127.0.0.1'],
    ['unknown', proxy],
    ['203.0.113.7:port', proxy],
    ['203.0.113.7:470000', proxy],
    ['203.0.113', proxy],
    ['0xcb007107', proxy],
    ['3405803783', proxy],
    ['010.0.0.1', proxy],
    ['2001:db8::1]:4711', proxy],
    ['[203.0.113.7]:4711', proxy],
    ['"[2001:db8::1]:4711"', proxy],
    ["203.0.113.7'; --", proxy],
  ] as const)
    t.equal(await seenAs(header), address, header)
})

await t.test(
  'ports of the same address share what it may do, and what is no address shares with its proxy',
  async (t) => {
    const { instance } = await startWorld(t, { ...PROXY, TESSERA_LIMIT_AUTHORIZE: '3' })
    const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
    const ask = async (address: string) => (await send(url, { redirect: 'manual', headers: from(address) })).status
    const written = ['203.0.113.7:1', '203.0.113.7:2', '::ffff:203.0.113.7', '203.0.113.7', '[::ffff:203.0.113.7]:3']
    for (const [turn, address] of written.entries()) t.equal(await ask(address), turn < 3 ? 303 : 429, address)
    t.equal(await ask('203.0.113.8:1'), 303, 'a neighbour has an allowance of their own')
    for (const [turn, address] of ['unknown', '_hidden', '', 'x:1'].entries())
      t.equal(await ask(address), turn < 3 ? 303 : 429, `${address}: whoever is behind a proxy is limited`)
  },
)

await t.test('without a trusted proxy nobody reads the header', async (t) => {
  const { instance } = await startWorld(t, { TESSERA_TRUSTED_PROXIES: '198.51.100.7' })
  await send(`${instance.origin}/health/live`, { headers: from('203.0.113.7:4711') })
  const logged = async () => instance.log.filter(({ msg }) => msg === 'request')
  const [line] = await eventually(logged, (lines) => lines.length > 0)
  t.ok(isLoopback(String(line?.['address'])))
})
