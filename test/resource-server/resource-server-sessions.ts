// SQLite alone: plays the identity server itself, and stores nothing
import t from 'tap'
import { type GuardedApi, startGuardedApi } from '../fixtures/resource-server/guarded-api.ts'
import { API_APP } from '../fixtures/resource-server/identity-stand-in.ts'

const OPEN = '/connect/session'
const TOUCH = '/connect/session/touches'

const start = (t: Parameters<typeof startGuardedApi>[0]) => startGuardedApi(t, { ...API_APP, apiSessions: true })
const touches = (api: GuardedApi): unknown[] =>
  api.server.asked.filter(({ path }) => path === TOUCH).map(({ form }) => form['touches'])
const session = (id: string, lasts = 1200) => ({
  status: 200,
  body: { session_id: id, expires_in: lasts, subject: 'user-1' },
})

await t.test('the first call opens a session, later ones keep it alive in batches', async (t) => {
  const api = await start(t)
  const token = await api.server.sign(api.server.claims())
  const answers = await Promise.all([api.callWith(token), api.callWith(token)])
  t.strictSame(
    answers.map((answer) => answer.json().sessionId),
    ['session-1', 'session-1'],
  )
  t.equal(api.server.times(OPEN), 1, 'calls that come together open one')
  const asked = api.server.asked.find(({ path }) => path === OPEN)
  t.match(asked, { form: { token }, authorization: /^Basic / })
  const second = await api.server.sign(api.server.claims({ id: 'user-2' }))
  api.server.state.sessions.set(second, session('session-2'))
  await api.advance(60_000)
  const before = touches(api).length
  await api.callWith(second)
  await api.advance(60_000)
  t.equal(touches(api).length, before, 'opening is a use')
  await api.callWith(token)
  await api.advance(2000)
  await api.callWith(token)
  await api.callWith(second)
  await api.advance(3000)
  t.strictSame(touches(api).slice(before), ['session-1:3 session-2:3'])
  await api.advance(60_000)
  t.equal(touches(api).length, before + 1, 'nothing is sent where nothing was used')
})

await t.test('a session that the server ended is opened anew by the next call', async (t) => {
  const api = await start(t)
  const token = await api.server.sign(api.server.claims())
  await api.callWith(token)
  await api.callWith(token)
  api.server.state.ended = ['session-1']
  await api.advance(5000)
  api.server.state.sessions.set(token, session('session-2'))
  t.equal((await api.callWith(token)).json().sessionId, 'session-2')
})

await t.test('when its time is over the server is asked, not guessed about', async (t) => {
  const api = await start(t)
  const token = await api.server.sign(api.server.claims())
  await api.callWith(token)
  await api.advance(1_199_000)
  await api.callWith(token)
  t.equal(api.server.times(OPEN), 1)
  await api.advance(1000)
  await api.callWith(token)
  t.equal(api.server.times(OPEN), 2)
})

await t.test('without a free slot the API answers 429', async (t) => {
  const api = await start(t)
  const token = await api.server.sign(api.server.claims())
  const body = {
    error: 'MaximumLicenseCountExceeded',
    error_description: 'all 10 licence slots are taken',
    refusal_id: '8k2m4p6r8t0v2x4z',
  }
  api.server.state.sessions.set(token, { status: 429, body, headers: { 'retry-after': '120' } })
  const answer = await api.callWith(token)
  t.equal(answer.statusCode, 429)
  t.equal(answer.headers['retry-after'], '120')
  t.equal(answer.headers['www-authenticate'], undefined)
  t.strictSame(answer.json(), body)
  await api.callWith(token)
  t.equal(api.server.times(OPEN), 1, 'one question a second')
  api.server.state.sessions.clear()
  await api.advance(1000)
  t.equal((await api.callWith(token)).statusCode, 200)
})

await t.test('a token that cannot open one is no longer good', async (t) => {
  const api = await start(t)
  const token = await api.server.sign(api.server.claims())
  api.server.state.sessions.set(token, { status: 400, body: { error: 'invalid_token' } })
  const answer = await api.callWith(token)
  t.equal(answer.statusCode, 401)
  t.match(answer.headers['www-authenticate'], /error="invalid_token"/)
})

await t.test('a call that is refused occupies no slot', async (t) => {
  const api = await start(t)
  t.equal((await api.callWith(await api.server.sign(api.server.claims()), '/write')).statusCode, 403)
  await api.call({}, '/open')
  t.equal(api.server.times(OPEN), 0)
})

await t.test('while the server is away open sessions go on, and their uses are told later', async (t) => {
  const api = await start(t)
  const token = await api.server.sign(api.server.claims())
  await api.callWith(token)
  api.server.state.away = true
  t.equal((await api.callWith(token)).statusCode, 200)
  await api.advance(5000)
  const other = await api.server.sign(api.server.claims())
  t.equal((await api.callWith(other)).statusCode, 503, 'a new one cannot be opened')
  api.server.state.away = false
  await api.advance(5000)
  t.strictSame(touches(api), ['session-1:5', 'session-1:10'])
  t.match(JSON.stringify(api.log), /could not be informed which API sessions are in use/)
})

await t.test('closing tells what was used last', async (t) => {
  const api = await start(t)
  const token = await api.server.sign(api.server.claims())
  await api.callWith(token)
  await api.callWith(token)
  await api.app.close()
  t.strictSame(touches(api), ['session-1:0'])
})

await t.test('at most 300 sessions go into one message', async (t) => {
  const api = await start(t)
  for (let n = 0; n < 301; n += 1) {
    const token = `enat_${String(n).padStart(43, 'x')}`
    api.server.state.tokens.set(token, { active: true, ...api.server.claims() })
    api.server.state.sessions.set(token, session(`s${n}`))
    await api.callWith(token)
    await api.callWith(token)
  }
  await api.advance(5000)
  t.strictSame(
    touches(api).map((sent) => String(sent).split(' ').length),
    [300, 1],
  )
})
