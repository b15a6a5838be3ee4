import t from 'tap'
import { endSessionsOfUser } from '../../src/admin/grants/api-sessions.ts'
import { obtainTokens } from '../fixtures/clients/code-flow.ts'
import { revoke, serviceToken } from '../fixtures/clients/endpoints.ts'
import { changedBy } from '../fixtures/instance/changed-by.ts'
import { enableApp, SYNC, startWorld, WEB } from '../fixtures/instance/world.ts'
import { startApiOn } from '../fixtures/resource-server/api-on-instance.ts'
import { API, DOMAIN_API, liveSessions, serveApi, setSlots } from '../fixtures/tokens/api-sessions.ts'

const MINUTE = 60_000
const api = { audience: DOMAIN_API, clientId: API, apiSessions: true }
const REFUSED = { status: 401, body: { error: 'invalid_token' } }

await t.test('the licence example: a token takes no slot, its first call does, and idleness frees it', async (t) => {
  const { instance } = await startWorld(t)
  await serveApi(instance)
  await setSlots(instance, 1)
  const { access_token } = await obtainTokens(instance)
  const { call, advance } = await startApiOn(t, instance, api)
  t.strictSame(await liveSessions(instance), [], '10:00 a token, and no session')
  await advance(MINUTE)
  const first = await call(access_token)
  t.strictSame([first.status, [first.body['sessionId']]], [200, await liveSessions(instance)], '10:01 the first call')
  const other = await serviceToken(instance)
  t.match(await call(other), { status: 429, body: { error: 'MaximumLicenseCountExceeded' }, retryAfter: /^\d+$/ })
  await advance(14 * MINUTE)
  t.equal((await call(access_token)).status, 200, '10:15 slides')
  await advance(5000)
  await advance(19 * MINUTE)
  t.strictSame(await liveSessions(instance), [first.body['sessionId']], '10:34 still there')
  await advance(MINUTE)
  t.strictSame(await liveSessions(instance), [], '10:35 idle, and its slot is free')
  await advance(5 * MINUTE)
  const second = await call(access_token)
  t.equal(second.status, 200)
  t.not(second.body['sessionId'], first.body['sessionId'], '10:40 another one')
  await advance(20 * MINUTE)
  t.match(
    await call(access_token),
    { status: 401, body: { error_description: 'the access token has expired' } },
    '11:00',
  )
})

await t.test('a session that an administrator ended is opened anew, unless its tokens ended too', async (t) => {
  const { instance, david } = await startWorld(t)
  await serveApi(instance)
  const { access_token } = await obtainTokens(instance)
  const { call, advance } = await startApiOn(t, instance, api)
  const end = (withTokens: boolean) =>
    instance.core.store.write((unit) =>
      endSessionsOfUser(unit, david, withTokens, changedBy('cli:test', instance.now())),
    )
  const { body: first } = await call(access_token)
  await advance(2000)
  await end(false)
  t.equal((await call(access_token)).status, 200, 'until the API reports its use')
  await advance(5000)
  const { status, body: second } = await call(access_token)
  t.equal(status, 200)
  t.not(second['sessionId'], first['sessionId'])
  await end(true)
  await advance(4000)
  t.match(await call(access_token), REFUSED)
  t.strictSame(await liveSessions(instance), [])
})

await t.test('a signed token that ended early is refused at most 5 seconds later', async (t) => {
  const { instance } = await startWorld(t)
  await serveApi(instance)
  const { call, advance } = await startApiOn(t, instance, { ...api, apiSessions: false })
  const { access_token: revoked, refresh_token } = await obtainTokens(instance)
  const { access_token: killed } = await obtainTokens(instance)
  const service = await serviceToken(instance)
  for (const token of [revoked, killed, service]) t.equal((await call(token)).status, 200)
  await revoke(instance, refresh_token)
  await advance(4000)
  t.match(await call(revoked), REFUSED)
  t.equal((await call(killed)).status, 200, 'the other sign-in goes on')
  await enableApp(instance, WEB, false)
  await enableApp(instance, WEB, true)
  await advance(4000)
  t.match(await call(killed), REFUSED)
  t.equal((await call(service)).status, 200)
  await enableApp(instance, SYNC, false)
  await advance(4000)
  t.match(await call(service), REFUSED)
  await enableApp(instance, SYNC, true)
  await advance(1000)
  t.equal((await call(await serviceToken(instance))).status, 200, 'new tokens are good')
})

await t.test('what ended before the API was started is refused from its first call on', async (t) => {
  const { instance } = await startWorld(t)
  await serveApi(instance)
  const token = await serviceToken(instance)
  await enableApp(instance, SYNC, false)
  const { call } = await startApiOn(t, instance, { ...api, apiSessions: false })
  t.match(await call(token), REFUSED)
})

await t.test('an app that serves no API is told why it hears nothing', async (t) => {
  const { instance } = await startWorld(t)
  await instance.addApp({ applicationUri: API })
  const { call, log } = await startApiOn(t, instance, { ...api, apiSessions: false })
  t.equal((await call(await serviceToken(instance))).status, 200)
  t.match(log(), /only an app that serves an API may read notices about tokens/)
})
