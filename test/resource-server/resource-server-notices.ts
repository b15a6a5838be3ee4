// SQLite alone: plays the identity server itself, and stores nothing
import t from 'tap'
import { createNotices } from '../../src/resource-server/notices.ts'
import { challenged } from '../fixtures/resource-server/challenged.ts'
import { type GuardedApi, startGuardedApi } from '../fixtures/resource-server/guarded-api.ts'
import { API_APP } from '../fixtures/resource-server/identity-stand-in.ts'

const INTROSPECT = '/connect/introspect'
const NOTICES = '/connect/session/notices'
const APP = 'my.trusted.app/web'

let count = 0
/** The server tells that tokens ended, just now unless said otherwise. */
function tell(api: GuardedApi, notice: { client_id?: string; user_id?: string }, at = api.now()): void {
  count += 1
  api.server.state.notices = [
    ...api.server.state.notices,
    { id: `notice-${count}`, at: Math.ceil(at / 1000), ...notice },
  ]
}

await t.test('a signed token that ended early fails at most 5 seconds later', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  const token = await api.server.sign(api.server.claims())
  t.equal((await api.callWith(token)).statusCode, 200)
  t.equal(api.server.times(INTROSPECT), 0, 'nobody asks about it before')
  tell(api, { client_id: APP, user_id: 'user-1' })
  await api.advance(4000)
  const description = 'the access token is unknown, expired, revoked, or not for this API'
  challenged(t, await api.callWith(token), 401, 'invalid_token', description)
  await api.callWith(token)
  t.equal(api.server.times(INTROSPECT), 1, 'it is asked about once')
})

await t.test('a notice makes the API ask, and the server decides', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  const token = await api.server.sign(api.server.claims({ scope: 'read update delete' }))
  api.server.state.tokens.set(token, { active: true, ...api.server.claims({ scope: 'read' }) })
  tell(api, { client_id: APP })
  await api.advance(4000)
  t.equal((await api.callWith(token)).statusCode, 200)
  t.strictSame((await api.callWith(token)).json().scope, ['read'], 'with the scope that the server names now')
  await api.advance(60_000)
  t.equal((await api.callWith(token)).statusCode, 200)
  t.equal(api.server.times(INTROSPECT), 1, 'the answer counts until a newer notice, the same one repeated is none')
  tell(api, { user_id: 'user-1' })
  await api.advance(4000)
  await api.callWith(token)
  t.equal(api.server.times(INTROSPECT), 2)
})

await t.test('a notice concerns the tokens of its app and user that are no younger', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  const cases: readonly (readonly [object, number, boolean])[] = [
    [{}, 0, true],
    [{ client_id: APP }, 0, true],
    [{ user_id: 'user-1' }, 0, true],
    [{ client_id: APP, user_id: 'user-1' }, 0, true],
    [{ client_id: APP, user_id: 'user-2' }, 0, false],
    [{ client_id: 'other', user_id: 'user-1' }, 0, false],
    [{ client_id: 'other' }, 0, false],
    [{ user_id: 'user-2' }, 0, false],
    [{ client_id: APP }, -1000, false],
  ]
  for (const [notice, offset, asks] of cases) {
    await api.advance(3_600_000)
    const before = api.server.times(INTROSPECT)
    tell(api, notice, api.now() + offset)
    const token = await api.server.sign(api.server.claims())
    await api.advance(4000)
    await api.callWith(token)
    t.equal(api.server.times(INTROSPECT) - before, asks ? 1 : 0, JSON.stringify([notice, offset]))
  }
  const service = api.server.claims({ id: undefined, client_system_user_id: 'svc-1', client_id: 'my.app/sync' })
  tell(api, { user_id: 'svc-1' })
  await api.advance(4000)
  t.equal((await api.callWith(await api.server.sign(service))).statusCode, 401, 'a service acts as its System User')
})

await t.test(
  'whom a token without id acts for only the server knows: every notice at its app makes the API ask',
  async (t) => {
    const api = await startGuardedApi(t, API_APP)
    const cases: readonly (readonly [object, number, boolean])[] = [
      [{}, 0, true],
      [{ client_id: APP }, 0, true],
      [{ user_id: 'user-2' }, 0, true],
      [{ client_id: APP, user_id: 'user-2' }, 0, true],
      [{ client_id: 'other', user_id: 'user-1' }, 0, false],
      [{ client_id: 'other' }, 0, false],
      [{ user_id: 'user-2' }, -1000, false],
    ]
    for (const [notice, offset, asks] of cases) {
      await api.advance(3_600_000)
      const before = api.server.times(INTROSPECT)
      tell(api, notice, api.now() + offset)
      const token = await api.server.sign(api.server.claims({ id: undefined, sub: 'pairwise-1' }))
      await api.advance(4000)
      await api.callWith(token)
      t.equal(api.server.times(INTROSPECT) - before, asks ? 1 : 0, JSON.stringify([notice, offset]))
    }
  },
)

await t.test('what ended before the API was started is known before its first call', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  t.equal(api.server.times(NOTICES), 1)
  t.strictSame(api.server.asked.find(({ path }) => path === NOTICES)?.form, {}, 'everything that may matter')
  await api.advance(4000)
  t.match(api.server.asked.filter(({ path }) => path === NOTICES)[1]?.form, { since: /^cursor-/ })
  await api.app.close()
  await api.advance(60_000)
  t.equal(api.server.times(NOTICES), 2, 'a closed API asks no more')
})

await t.test('while the server cannot answer about a token it is 503, and it is asked again', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  const token = await api.server.sign(api.server.claims())
  await api.callWith(token)
  tell(api, { client_id: 'my.trusted.app/web' })
  await api.advance(4000)
  api.server.state.away = true
  t.equal((await api.callWith(token)).statusCode, 503)
  api.server.state.away = false
  t.equal((await api.callWith(token)).statusCode, 401)
})

await t.test('silence of more than half a minute is warned of, once', async (t) => {
  const api = await startGuardedApi(t, API_APP)
  const said = (pattern: RegExp): number => api.log.filter(({ msg }) => pattern.test(String(msg))).length
  const SILENT = /does not say whose tokens ended early: for now, signed tokens are valid until they expire/
  const token = await api.server.sign(api.server.claims())
  await api.callWith(token)
  api.server.state.away = true
  for (let passed = 0; passed < 28; passed += 4) await api.advance(4000)
  t.equal(said(SILENT), 0)
  for (let passed = 0; passed < 60; passed += 4) await api.advance(4000)
  t.equal(said(SILENT), 1)
  t.equal((await api.callWith(token)).statusCode, 200, 'until then what was known goes on')
  api.server.state.away = false
  await api.advance(4000)
  t.equal(said(/again says/), 1)
  const refusal = { error: 'invalid_request', error_description: 'since is not known' }
  api.server.state.instead.set(NOTICES, { status: 400, body: refusal })
  await api.advance(4000)
  t.equal(said(SILENT), 2, 'what the server refuses is told at once')
  api.server.state.instead.clear()
  await api.advance(4000)
  t.strictSame(api.server.asked.findLast(({ path }) => path === NOTICES)?.form, {}, 'and read from the beginning')
})

await t.test('notices take bounded room; what there is no room for makes the API ask more, not less', async (t) => {
  const clock = { now: 1_000_000 }
  const notices = createNotices(() => clock.now, { limit: 3 })
  const about = (userId: string, issuedAt = 0): number => notices.latestAbout({ clientId: 'app', userId, issuedAt })
  const notice = (n: number) => ({ id: `n${n}`, clientId: undefined, userId: `u${n}`, at: clock.now })
  notices.add([notice(1), notice(2), notice(3)])
  t.strictSame([about('u1'), about('u9')], [1, 0])
  notices.add([notice(4), notice(5)])
  t.ok(about('u1') > 0 && about('u2') > 0 && about('u9') > 0, 'everybody is asked about now')
  t.equal(about('u9', clock.now + 1), 0, 'but nobody who came later')
  clock.now += 24 * 3_600_000 + 1
  notices.add([])
  t.strictSame([about('u1'), about('u5')], [0, 0], 'no token lives longer than a day')
})
