// SQLite alone: is about texts, which no database sees
// Timed: how long hostile texts take
import t, { type Test } from 'tap'
import { isCommonPassword } from '../../src/domain/users/common-passwords.ts'
import { isListedPassword } from '../../src/lib/files/listed-passwords.ts'
import { authorizeUrl, requestToken } from '../fixtures/clients/endpoints.ts'
import { type Answer, type HeaderFields, send } from '../fixtures/clients/http.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'

const LONG = 15_000
/** Milliseconds for which nothing else may be answered. */
const LONGEST_STALL = 20
const ATTEMPTS = 12

const { instance } = await startWorld(t, {
  ...{ TESSERA_REGISTRATION: 'open', TESSERA_REQUEST_OBJECTS: 'true' },
  // Only what a trusted proxy says is read, and whom it speaks for is limited.
  ...{ TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1', TESSERA_LIMIT_AUTHORIZE: '0', TESSERA_LIMIT_APP_FAILURES: '0' },
})
const { origin, issuer } = instance

/** For how long nothing else was done, at its longest. */
async function stallOf(work: () => Promise<unknown>): Promise<number> {
  let [last, longest, done] = [performance.now(), 0, false]
  const look = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    if (!done) setImmediate(look)
  }
  setImmediate(look)
  await work()
  look()
  done = true
  return longest
}

/** A machine that is busy makes any of several attempts longer. */
async function isQuick(t: Test, name: string, ask: () => Promise<Answer>): Promise<void> {
  const shortest = await shortestStallOf(ask)
  const isShort = shortest < LONGEST_STALL || shortest < 3 * (await shortestStallOf(askHarmless))
  t.ok(isShort, `${name}: ${Math.round(shortest)} ms`)
}

async function shortestStallOf(ask: () => Promise<Answer>): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < ATTEMPTS && shortest > LONGEST_STALL; attempt++)
    shortest = Math.min(shortest, await stallOf(async () => (await ask()).text))
  return shortest
}

/** What is as long and means nothing, which a busy machine makes longer as well. */
const askHarmless = (): Promise<Answer> =>
  requestToken({ issuer }, { grant_type: 'refresh_token', client_id: WEB, x: 'x'.repeat(LONG) })

/** The lines about requests, which are written when the answer is sent. */
const requestsOnLog = (from = 0) => instance.log.slice(from).filter(({ msg }) => msg === 'request')

const repeat = (text: string): string => text.repeat(LONG / text.length)
const get = (path: string, headers: HeaderFields = {}) => send(`${origin}${path}`, { headers, redirect: 'manual' })
const authorizePath = (parameters: HeaderFields = {}): string =>
  authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, ...parameters }).slice(origin.length)
const json = (path: string, body: string, type = 'application/json') =>
  send(`${origin}${path}`, { method: 'POST', headers: { 'content-type': type }, body })

/** What a text that goes on for ever can be made of, so that a pattern begins anew at every character. */
const PUMPS = [
  'x',
  '%',
  '%4',
  '@',
  '%40',
  '/',
  '//',
  '/users',
  'users/',
  'enat',
  'en',
  ':',
  '.',
  '-',
  '=',
  '"',
  '\\',
  ',',
  ' ,',
  '[',
  '{',
]
/** Lists whose entries are sound, each of which is read. */
const LISTS = ['::,', 'a::1,', '203.0.113.7,', 'a,', 'en;q=0.1,', 'a=b;', 'W/"a",', 'a ', 'openid ', 'for=1;']

await t.test('DO-03: an address of 15 KiB is answered and logged like any other', async (t) => {
  for (const pump of PUMPS) {
    const path = encodeURI(repeat(pump)).slice(0, LONG)
    const whole = path.slice(0, path.lastIndexOf('%') > LONG - 3 ? path.lastIndexOf('%') : LONG)
    await isQuick(t, `/${pump}...`, () => get(`/${whole}`))
    await isQuick(t, `/id/assets/${pump}...`, () => get(`/id/assets/${whole}`))
    await isQuick(t, `?${pump}...`, () => get(`/id/connect/authorize?${whole}`))
  }
  const lines = requestsOnLog().map((line) => JSON.stringify(line).length)
  t.ok(lines.length >= 3 * PUMPS.length, `${lines.length} requests are on the log`)
  t.ok(Math.max(...lines) < 1024, `the longest line about a request has ${Math.max(...lines)} characters`)
})

await t.test('nothing of an address that leads nowhere is on the log', async (t) => {
  const name = `david.miller${'x'.repeat(240)}`
  for (const path of [
    '/a/david.miller@example.com/b',
    '/a/david.miller%40example.com',
    '/users/david.miller/x',
    '/x/enrt_ABC/enat%5fABC/y',
    `/${'x'.repeat(300)}`,
    `/a/${'x/'.repeat(300)}`,
    `/a/${name}@example.com`,
  ]) {
    const before = instance.log.length
    await get(path)
    const [line] = await eventually(
      async () => requestsOnLog(before),
      (lines) => lines.length > 0,
    )
    t.equal(line?.['route'], 'unknown', path.slice(0, 40))
    t.notMatch(JSON.stringify(instance.log.slice(before)), /david|enrt_|enat|xxx|x\/x/, path.slice(0, 40))
  }
})

await t.test('headers of 15 KiB', async (t) => {
  const names = [
    'authorization',
    'cookie',
    'accept',
    'accept-language',
    'origin',
    'referer',
    'x-forwarded-for',
    'x-forwarded-host',
    'forwarded',
    'if-none-match',
    'access-control-request-headers',
    'user-agent',
  ]
  const pumps = [...PUMPS, ' ', '\t', ';', 'a=b;', 'a,', 'q=0.1,', 'W/', 'Basic ', 'Bearer ']
  for (const name of names)
    for (const pump of pumps)
      for (const path of ['/id/connect/userinfo', authorizePath()])
        await isQuick(t, `${name}: ${JSON.stringify(pump)}...`, () => get(path, { [name]: `a${repeat(pump)}a` }))
  for (const name of names)
    for (const pump of LISTS)
      await isQuick(t, `${name}: ${JSON.stringify(pump)} alone...`, () =>
        get(authorizePath(), { [name]: repeat(pump).trim() }),
      )
  for (const scheme of ['Basic', 'Bearer'])
    for (const pump of pumps)
      await isQuick(t, `${scheme} ${JSON.stringify(pump)}...`, () =>
        get('/id/connect/userinfo', { authorization: `${scheme} ${repeat(pump)}!` }),
      )
  for (const pump of pumps)
    await isQuick(t, `content-type: ${JSON.stringify(pump)}...`, () =>
      json('/id/connect/token', 'a=b', `a/b${repeat(pump)}a`),
    )
})

await t.test('authorization requests with a list of 15 KiB', async (t) => {
  for (const field of ['scope', 'resource', 'claims', 'acr_values', 'prompt', 'ui_locales', 'response_type'])
    for (const pump of [...PUMPS, ...LISTS]) {
      const path = authorizePath({ [field]: repeat(pump) })
        .slice(0, LONG)
        .replace(/%.?$/, '')
      await isQuick(t, `${field}=${JSON.stringify(pump)}...`, () => get(path))
    }
})

await t.test('bodies of 15 KiB', async (t) => {
  const fields = [
    'client_id',
    'client_secret',
    'client_assertion',
    'scope',
    'token',
    'redirect_uri',
    'resource',
    'claims',
    'request',
  ]
  for (const field of fields)
    for (const pump of [...PUMPS, ...LISTS, ' ', 'e30.'])
      await isQuick(t, `${field}=${JSON.stringify(pump)}...`, () =>
        requestToken({ issuer }, { grant_type: 'refresh_token', client_id: WEB, [field]: repeat(pump) }),
      )
  for (const text of ['"', '\\"', '\\\\', '[', '{"a":', ' ', '"a",', '1'])
    await isQuick(t, `JSON ${text}...`, () => json('/id/connect/register', `{"redirect_uris":["${repeat(text)}`))
})

await t.test('a password of 4,096 signs is compared with the common ones in no time', async (t) => {
  for (const password of [`a${'1'.repeat(4094)}a`, `${'1'.repeat(4095)}a`, `a${'@$'.repeat(2047)}a`, 'ab'.repeat(2048)])
    t.ok(timeOf(() => isCommonPassword(password, isListedPassword)) < 15, `${password.slice(0, 5)}...`)
})

/** The shortest of several, in milliseconds. */
function timeOf(work: () => unknown): number {
  let shortest = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < ATTEMPTS && shortest > 15; attempt++) {
    const started = performance.now()
    work()
    shortest = Math.min(shortest, performance.now() - started)
  }
  return shortest
}
