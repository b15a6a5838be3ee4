import t from 'tap'
import type { ResourceServerOptions } from '../../src/resource-server/resource-server.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { freePort } from '../fixtures/instance/ports.ts'
import { enableApp, WEB } from '../fixtures/instance/world.ts'
import { startApiOn } from '../fixtures/resource-server/api-on-instance.ts'
import { OPAQUE, READER, REPORTS, REPORTS_API, startReports } from '../fixtures/resource-server/reports.ts'

const reports = await startReports(t)
const { instance, david, service } = reports
const asked = { audience: REPORTS, clientId: REPORTS_API }

await t.test('every kind of token of the server is understood', async (t) => {
  const api = await startApiOn(t, instance, asked)
  const { access_token: signed } = await reports.ofPerson(READER, 'openid reports.read')
  const { access_token: opaque } = await reports.ofPerson(OPAQUE, 'openid reports.read')
  const { value: pat } = await reports.keep('PAT', 'reports.read')
  for (const [token, app] of [
    [signed, READER],
    [opaque, OPAQUE],
    [pat, READER],
  ] as const) {
    const { status, body } = await api.call(token, '/reports')
    matchesWhole(t, [status, body], [200, { subject: david.id, clientId: app, kind: 'user', userId: david.id }])
    t.ok([body['scope']].flat().includes('reports.read'))
    t.match(await api.call(token, '/read'), { status: 403, body: { error: 'insufficient_scope', scope: 'read' } })
  }
  for (const token of [
    await reports.ofService(READER, 'reports.read'),
    await reports.ofService(OPAQUE, 'reports.read'),
    (await reports.keep('SAT', 'reports.read')).value,
  ]) {
    const { status, body } = await api.call(token, '/reports')
    matchesWhole(t, [status, body], [200, { kind: 'service', userId: service.id }])
    t.notOk(api.log().includes(token))
  }
})

await t.test('a token for another API, and one of nobody, are refused', async (t) => {
  const api = await startApiOn(t, instance, asked)
  const { access_token: signed } = await reports.ofPerson(READER, 'openid read')
  t.match(await api.call(signed), {
    status: 401,
    body: { error_description: `the access token is for another API: its aud does not name ${REPORTS}` },
  })
  const dead = 'the access token is unknown, expired, revoked, or not for this API'
  for (const token of [await reports.ofService(OPAQUE, 'read'), `enat_${'x'.repeat(43)}`])
    t.match(await api.call(token), { status: 401, body: { error: 'invalid_token', error_description: dead } })
  const own = await startApiOn(t, instance, { audience: 'DomainAPI', clientId: READER })
  const { access_token, refresh_token } = await reports.ofPerson(READER, 'openid offline_access read')
  t.equal((await own.call(access_token)).status, 200)
  t.match(await own.call(refresh_token), { status: 401, body: { error_description: 'this is not an access token' } })
})

await t.test('a kill switch counts within a second for what is looked up', async (t) => {
  const api = await startApiOn(t, instance, asked)
  const token = await reports.ofService(OPAQUE, 'reports.read')
  t.equal((await api.call(token, '/reports')).status, 200)
  await enableApp(instance, OPAQUE, false)
  await api.advance(1000)
  t.equal((await api.call(token, '/reports')).status, 401)
  await enableApp(instance, OPAQUE, true)
})

await t.test('a wrong secret is trouble of the API, not of its callers', async (t) => {
  const api = await startApiOn(t, instance, { ...asked, clientSecret: 'wrong' })
  t.match(await api.call(await reports.ofService(OPAQUE, 'reports.read'), '/reports'), {
    status: 503,
    retryAfter: '5',
  })
  t.match(api.log(), /answered 401 at \/id\/connect\/introspect/)
})

await t.test('verifyOnReady: what the server would refuse later stops the start, with the reason', async (t) => {
  const start = (options: Partial<ResourceServerOptions>) =>
    startApiOn(t, instance, { ...asked, verifyOnReady: true, ...options })
  const api = await start({})
  t.equal((await api.call(await reports.ofService(READER, 'reports.read'), '/reports')).status, 200)
  await start({ clientId: undefined, clientSecret: undefined })
  const wrong = 'the app is unknown, or its authentication is wrong or missing'
  for (const [options, reason] of [
    [
      { clientSecret: 'not-the-secret-of-this-api' },
      `the identity server answered 401 at /id/connect/session/notices: ${wrong}`,
    ],
    [
      { clientId: 'my.trusted.app/unknown' },
      `the identity server answered 401 at /id/connect/session/notices: ${wrong}`,
    ],
    [{ issuer: `${instance.issuer}/` }, `discovery of ${instance.issuer}/ names another issuer: ${instance.issuer}`],
    [
      { issuer: `${instance.origin}/other` },
      'the identity server answered 404 at /other/.well-known/openid-configuration',
    ],
    [
      { issuer: `http://localhost:${await freePort()}/id` },
      'the identity server did not answer at /id/.well-known/openid-configuration',
    ],
  ] as const)
    await t.rejects(start(options), { message: `@tessera-id/resource-server: verifyOnReady: ${reason}` }, reason)
  await t.rejects(
    start({ clientId: WEB }),
    /verifyOnReady: the identity server answered 40[013] /,
    'an app that serves no API',
  )
  const unasked = await startApiOn(t, instance, { ...asked, clientSecret: 'not-the-secret-of-this-api' })
  t.match(unasked.log(), /answered 401/, 'without it the start goes on, and the log says so')
})
