// SQLite alone: plays the identity server itself, and stores nothing
import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { challenged } from '../fixtures/resource-server/challenged.ts'
import { type GuardedApi, settled, startGuardedApi } from '../fixtures/resource-server/guarded-api.ts'
import { API_APP } from '../fixtures/resource-server/identity-stand-in.ts'

const REFERENCE = `enrt_${'0123456789ABCDEF'.repeat(3)}012345676023B8F0`
const OPAQUE = `enat_${'x'.repeat(43)}`
const INTROSPECT = '/connect/introspect'
const DEAD = 'the access token is unknown, expired, revoked, or not for this API'

const active = (api: GuardedApi, token: string, changes = {}): void =>
  void api.server.state.tokens.set(token, { active: true, token_type: 'Bearer', ...api.server.claims(changes) })

await t.test('RFC 7662: reference and opaque tokens are asked about, by an app that proves who it is', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  for (const token of [REFERENCE, OPAQUE]) {
    active(api, token)
    const answer = await api.callWith(token)
    matchesWhole(t, [answer.statusCode, answer.json()], [200, { subject: 'user-1', scope: ['read'], kind: 'user' }])
  }
  const [question] = api.server.asked.filter(({ path }) => path === INTROSPECT)
  t.strictSame(question?.form, { token: REFERENCE })
  const pair = Buffer.from(question?.authorization?.slice('Basic '.length) ?? '', 'base64').toString()
  t.equal(pair, 'my.api%2Fdomain:secret%3Aof+the+api%2F%2B%25', 'both halves are form-url-encoded')
  t.equal((await api.call({ 'x-api-key': REFERENCE })).statusCode, 200)
  t.equal((await api.callWith(REFERENCE, '/write')).statusCode, 403)
})

await t.test('a mistyped reference token costs no question', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  const typos = [
    REFERENCE.slice(0, -1),
    `${REFERENCE}0`,
    REFERENCE.replace('enrt_0', 'enrt_1'),
    REFERENCE.toLowerCase(),
  ]
  for (const token of typos)
    challenged(t, await api.callWith(token), 401, 'invalid_token', 'the reference token is mistyped or cut short')
  t.equal(api.server.times(INTROSPECT), 0)
})

await t.test('an answer counts for less than a second, and calls that come together share one', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  active(api, OPAQUE)
  const calls = await Promise.all([1, 2, 3, 4].map(() => api.callWith(OPAQUE)))
  t.strictSame([calls.map(({ statusCode }) => statusCode), api.server.times(INTROSPECT)], [[200, 200, 200, 200], 1])
  await api.advance(999)
  await api.callWith(OPAQUE)
  t.equal(api.server.times(INTROSPECT), 1)
  api.server.state.tokens.clear()
  await api.advance(1)
  challenged(t, await api.callWith(OPAQUE), 401, 'invalid_token', DEAD)
  await api.callWith(OPAQUE)
  t.equal(api.server.times(INTROSPECT), 2, 'a refusal is remembered as well')
  active(api, OPAQUE)
  await api.advance(1000)
  t.equal((await api.callWith(OPAQUE)).statusCode, 200, 'and forgotten')
})

await t.test('an answer that was on its way for a second is given to nobody who asks later', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  active(api, OPAQUE)
  await api.callWith(OPAQUE)
  await api.advance(1000)
  let release = (): void => undefined
  api.server.state.hold = new Promise<void>((resolve) => {
    release = resolve
  })
  const early = api.callWith(OPAQUE)
  await settled()
  api.server.state.tokens.clear()
  await api.advance(1000)
  const late = api.callWith(OPAQUE)
  await settled()
  release()
  t.strictSame([(await early).statusCode, (await late).statusCode], [200, 401])
})

await t.test('an answer that does not speak of an access token for this API lets nobody in', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  const cases = [
    [{ aud: 'https://other.example' }, 'the access token is for another API: its aud does not name DomainAPI'],
    [{ aud: undefined }, 'the access token is for another API: its aud does not name DomainAPI'],
    [{ token_type: 'refresh_token' }, 'this is not an access token'],
    [{ iss: 'https://other.example' }, 'the access token is from another issuer'],
    [{ active: 'true' }, DEAD],
  ] as const
  for (const [changes, description] of cases) {
    active(api, OPAQUE, changes)
    challenged(t, await api.callWith(OPAQUE), 401, 'invalid_token', description)
    await api.advance(1000)
  }
})

await t.test('trouble with the server is 503, never 401', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  active(api, OPAQUE)
  const { state } = api.server
  const prepared = [
    { status: 500, body: 'x' },
    { status: 401, body: { error: 'invalid_client', error_description: 'the secret is wrong' } },
    { status: 302, body: {}, headers: { location: 'https://evil.example' } },
    { status: 200, body: ['not an object'] },
    { status: 429, body: { error: 'slow_down' } },
  ]
  for (const instead of prepared) {
    state.instead.set(INTROSPECT, instead)
    const answer = await api.callWith(OPAQUE)
    t.strictSame([answer.statusCode, answer.headers['retry-after']], [503, '5'], JSON.stringify(instead))
    await api.advance(1000)
  }
  t.match(JSON.stringify(api.log), /answered 401 at \/id\/connect\/introspect: the secret is wrong/)
  state.instead.clear()
  state.away = true
  t.equal((await api.callWith(OPAQUE)).statusCode, 503)
  state.away = false
  await api.advance(1000)
  t.equal((await api.callWith(OPAQUE)).statusCode, 200)
  t.notOk(JSON.stringify(api.log).includes(OPAQUE))
})
