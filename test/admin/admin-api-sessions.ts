import { decodeJwt } from 'jose'
import t from 'tap'
import { auditOf, isProblem, startAdminApi, TOOL } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { obtainCode, obtainTokens, redeem } from '../fixtures/clients/code-flow.ts'
import { serviceToken, userinfo } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { SYNC, startWorld, WEB } from '../fixtures/instance/world.ts'
import { callApi, liveSessions, serveApi } from '../fixtures/tokens/api-sessions.ts'

const { instance, david } = await startWorld(t)
await serveApi(instance)
const admin = await startAdminApi(instance)
const MINUTE = 60_000

await t.test('API sessions are listed and ended, with their tokens where that is asked for', async (t) => {
  t.strictSame((await admin.get('/sessions')).json, { items: [], next: null })
  const tokens = await obtainTokens(instance)
  const { sid } = decodeJwt(tokens.access_token)
  const { session_id: id } = await callApi(instance, tokens.access_token)
  const opened = instance.now()
  const openedAt = new Date(opened).toISOString()
  instance.advance(1000)
  await callApi(instance, await serviceToken(instance))
  const { items } = (await admin.get('/sessions?user=david')).json as { items: object[] }
  t.strictSame(items, [
    {
      id,
      kind: 'user',
      user: 'david',
      app: WEB,
      apps: [WEB],
      sid,
      token: null,
      openedAt,
      lastUsedAt: openedAt,
      endsAt: new Date(opened + 20 * MINUTE).toISOString(),
    },
  ])
  matchesWhole(t, (await admin.get(`/sessions?app=${SYNC}`)).json, {
    items: [{ kind: 'service', user: 'svc.sync', app: SYNC }],
  })
  const first = await admin.get('/sessions?limit=1')
  matchesWhole(t, first.json, { items: [{ app: SYNC }], next: String }, 'a page at a time, the newest first')
  const cursor = String(first.json['next'])
  t.equal(first.headers.get('link'), `</manage/api/v1/sessions?limit=1&cursor=${cursor}>; rel="next"`)
  matchesWhole(t, (await admin.get(`/sessions?cursor=${cursor}`)).json, { items: [{ app: WEB }], next: null })
  isProblem(t, instance, await admin.get('/sessions?cursor=eA'), { status: 400, type: 'malformed-request' })
  isProblem(t, instance, await admin.get('/sessions?user=nobody'), { status: 404, type: 'not-found' })
  isProblem(t, instance, await admin.get('/sessions?state=live'), { status: 400, type: 'malformed-request' })

  t.equal((await admin.remove(`/sessions/${id}`)).status, 204)
  t.equal((await liveSessions(instance)).length, 1)
  t.equal((await userinfo(instance, tokens.access_token)).status, 200, 'the token lives')
  const again = await callApi(instance, tokens.access_token)
  const code = await obtainCode(instance)
  t.equal((await admin.remove(`/sessions/${again.session_id}?withTokens=true`)).status, 204)
  t.equal((await userinfo(instance, tokens.access_token)).status, 401)
  t.match((await redeem(instance, code, {}, basic(WEB))).json, { error: 'invalid_grant' }, 'nor is there a code')
  isProblem(t, instance, await admin.remove('/sessions/unknown'), { status: 404, type: 'not-found' })

  const events = (await auditOf(instance, { user: david.id })).filter(({ event }) => event === 'api_session_ended')
  matchesWhole(t, events, [
    { actor: `app:${TOOL}`, app: WEB, detail: { sessions: [id], withTokens: false } },
    { actor: `app:${TOOL}`, app: WEB, detail: { sessions: [again.session_id], withTokens: true } },
  ])
})

await t.test('every session of a user is ended, with the tokens of every app where that is asked for', async (t) => {
  const [one, two] = [await obtainTokens(instance), await obtainTokens(instance)]
  const anna = await obtainTokens(instance, {}, { login: 'anna' })
  const code = await obtainCode(instance)
  const call = async () => {
    for (const { access_token: token } of [one, two]) await callApi(instance, token)
  }
  await call()
  const hers = await callApi(instance, anna.access_token)
  t.equal((await admin.remove('/users/david@example.com/sessions')).status, 204)
  const mine = async () => (await admin.get('/sessions?user=david')).json['items']
  t.strictSame(await mine(), [])
  await call()
  t.equal((await admin.remove('/users/david/sessions?withTokens=true')).status, 204)
  t.strictSame(await mine(), [])
  for (const { access_token: token } of [one, two]) t.equal((await userinfo(instance, token)).status, 401)
  t.match((await redeem(instance, code, {}, basic(WEB))).json, { error: 'invalid_grant' })
  t.ok((await liveSessions(instance)).includes(hers.session_id), 'nobody else’s')
  t.equal((await userinfo(instance, anna.access_token)).status, 200)
  t.equal((await admin.remove('/users/anna/sessions')).status, 204)
  t.equal((await admin.remove('/users/david/sessions')).status, 204, 'where none is open it is no fault')
  isProblem(t, instance, await admin.remove('/users/davit/sessions'), { status: 404, type: 'not-found' })
  isProblem(t, instance, await admin.remove('/users/david/sessions?withTokens=1'), {
    status: 400,
    type: 'malformed-request',
  })
})

await t.test('licence slots are shown and set as a whole', async (t) => {
  matchesWhole(t, (await admin.get('/license')).json, { slots: null, used: 1, free: null, kept: 0, reserved: [] })
  const set = await admin.put('/license', { slots: 10, reserved: ['david@example.com', 'anna'] })
  t.strictSame(set.json, { slots: 10, used: 1, free: 9, kept: 2, reserved: ['anna', 'david'] }, set.text)
  const fewer = await admin.put('/license', { slots: 5, reserved: ['DAVID'] })
  t.strictSame(fewer.json, { slots: 5, used: 1, free: 4, kept: 1, reserved: ['david'] })
  matchesWhole(t, (await admin.put('/license', { slots: null, reserved: [] })).json, { slots: null, reserved: [] })
  isProblem(t, instance, await admin.put('/license', { slots: 0, reserved: [] }), {
    status: 400,
    type: 'malformed-request',
    errors: ['slots: expects a whole number, 1 or more, or null for no limit'],
  })
  isProblem(t, instance, await admin.put('/license', { slots: 3, reserved: ['nobody'] }), {
    status: 404,
    type: 'not-found',
  })
  matchesWhole(t, (await admin.get('/license')).json, { slots: null }, 'nothing of a refused change')
})
