import t, { type Test } from 'tap'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { logHoldsNoSecret } from '../../fixtures/answers/refusals.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { enableApp, enableUser, OTHER, SYNC, WEB } from '../../fixtures/instance/world.ts'
import { OPAQUE, READER, REPORTS, REPORTS_API, startReports } from '../../fixtures/resource-server/reports.ts'
import { keepReferenceToken } from '../../fixtures/tokens/reference-token.ts'

const { instance, david, service, ofPerson, ofService, keep, introspect } = await startReports(t)
const DAY = 86_400
const now = (): number => instance.now() / 1000

type Claims = Record<string, unknown>

const described = async (token: string, caller?: string): Promise<Claims> =>
  (await introspect(token, caller)).json as Claims

/** RFC 7662 §2.2: of a token that is not active nothing at all is told, and nobody is told anything else. */
async function inactive(t: Test, token: string, caller: string, message: string): Promise<void> {
  const refusals = instance.log.filter((record) => 'refusal' in record).length
  const response = await introspect(token, caller)
  t.strictSame([response.status, response.text], [200, '{"active":false}'], message)
  t.equal(response.headers.get('content-type'), 'application/json; charset=utf-8')
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.equal(instance.log.filter((record) => 'refusal' in record).length, refusals, 'it is no refusal')
}

const person = () => ({ sub: david.id, id: david.id, user_type: 'InternalUser', db: 'tessera', username: 'david' })
const onItsOwn = (app: string) => ({
  sub: app,
  client_db: 'tessera',
  client_system_user: 'svc.sync',
  client_system_user_type: 'SystemUserNoLogin',
  client_system_user_id: service.id,
})
const common = (client_id: string, lifetime: number) => ({
  active: true,
  token_type: 'Bearer',
  iss: instance.issuer,
  aud: REPORTS,
  iat: now(),
  nbf: now() - 60,
  exp: now() + lifetime,
  scope: 'reports.read',
  client_id,
})

await t.test('§2.2: an API learns the same of every kind of token for it', async (t) => {
  const { access_token: signed } = await ofPerson(READER, 'openid reports.read')
  t.strictSame(await described(signed), { active: true, token_type: 'Bearer', ...claimsOf(signed), username: 'david' })
  const { access_token: opaque } = await ofPerson(OPAQUE, 'openid reports.read')
  t.match(opaque, /^enat_/)
  const { jti, auth_time, sid, amr, ...told } = await described(opaque)
  t.strictSame(told, { ...common(OPAQUE, 3600), scope: 'openid reports.read', ...person(), idp: 'local' })
  matchesWhole(t, { jti, auth_time, sid, amr }, { jti: String, auth_time: now(), sid: String, amr: ['pwd'] })
  for (const app of [READER, OPAQUE]) {
    const { jti, ...told } = await described(await ofService(app, 'reports.read'))
    t.strictSame(told, { ...common(app, 3600), ...onItsOwn(app) }, `${app} on its own has no username`)
    t.type(jti, 'string')
  }
  const [pat, sat] = [await keep('PAT', 'reports.read'), await keep('SAT', 'reports.read')]
  const shown = { ...common(READER, DAY), jti: `r.${pat.id}`, ...person(), token_kind: 'PAT' }
  t.strictSame(await described(pat.value), shown)
  t.strictSame(await described(sat.value), {
    ...common(READER, DAY),
    jti: `r.${sat.id}`,
    ...onItsOwn(READER),
    token_kind: 'SAT',
  })
})

await t.test('§4: a token for another API, or for none, is inactive', async (t) => {
  const tokens: Readonly<Record<string, string>> = {
    'for the other API': (await ofPerson(READER, 'read')).access_token,
    'for UserInfo alone': (await ofPerson(READER, 'openid')).access_token,
    'opaque, for the other API': await ofService(OPAQUE, 'read'),
    'a PAT for the other API': (await keep('PAT', 'read')).value,
    'a refresh token with scopes of the API': (await ofPerson(READER, 'offline_access reports.read')).refresh_token,
    'an ID token': (await ofPerson(READER, 'openid reports.read')).id_token ?? '',
    garbage: 'garbage',
  }
  for (const [name, token] of Object.entries(tokens)) await inactive(t, token, REPORTS_API, name)
  const { access_token } = await ofPerson(READER, 'read reports.read')
  t.strictSame((await described(access_token))['aud'], ['DomainAPI', REPORTS], 'one audience of several is enough')
})

await t.test('§4: who serves no API learns about tokens of its own alone', async (t) => {
  const own: Readonly<Record<string, string>> = {
    signed: (await ofPerson(READER, 'read')).access_token,
    'for UserInfo alone': (await ofPerson(READER, 'openid')).access_token,
    PAT: (await keep('PAT', 'read')).value,
    'refresh token': (await ofPerson(READER, 'offline_access read')).refresh_token,
  }
  for (const [name, token] of Object.entries(own)) {
    t.match(await described(token, READER), { active: true, client_id: READER }, name)
    for (const caller of [OPAQUE, OTHER, WEB, SYNC]) await inactive(t, token, caller, `${name} to ${caller}`)
  }
})

await t.test('serving an API begins and ends at once', async (t) => {
  const { value } = await keep('PAT', 'reports.read')
  const serve = (...resourceServers: string[]) =>
    instance.core.store.write(async ({ resources }) => {
      for (const api of await resources.list())
        if (api.identifier === REPORTS) await resources.update({ ...api, resourceServers }, instance.now())
    })
  await serve(OTHER)
  await inactive(t, value, REPORTS_API, 'no longer served by it')
  t.match(await described(value, OTHER), { active: true })
  await serve(REPORTS_API, OTHER)
  for (const caller of [REPORTS_API, OTHER]) t.match(await described(value, caller), { active: true })
  await serve(REPORTS_API)
})

await t.test('§2.2: the scope is what the record still allows', async (t) => {
  const scopes = async (): Promise<unknown[]> =>
    Promise.all(held.map(async (token) => (await described(token))['scope']))
  const allow = (...scope: string[]) =>
    instance.core.store.write(async ({ apps }) => {
      for (const uri of [READER, OPAQUE]) {
        const app = await apps.find(uri)
        if (app) await apps.update({ ...app, scope }, instance.now())
      }
    })
  const held = [
    (await ofPerson(READER, 'read reports.read')).access_token,
    await ofService(OPAQUE, 'read reports.read'),
    (await keep('PAT', 'read', 'reports.read')).value,
  ]
  t.strictSame(await scopes(), Array(3).fill('read reports.read'))
  await allow('reports.read')
  t.strictSame(await scopes(), Array(3).fill('reports.read'))
  await allow('read', 'reports.read')
  t.strictSame(await scopes(), Array(3).fill('read reports.read'))
})

await t.test('§2.2: a reference token that ended, was revoked or switched off is inactive', async (t) => {
  const damaged = (value: string) => value.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
  const fresh = await keep('PAT', 'reports.read')
  await inactive(t, damaged(fresh.value), REPORTS_API, 'mistyped')
  await inactive(t, fresh.value.slice(0, -1), REPORTS_API, 'shortened')
  const ways: Readonly<Record<string, (id: string) => unknown>> = {
    revoked: (id) => instance.core.store.write(({ referenceTokens }) => referenceTokens.revoke(id, instance.now())),
    'its user disabled': () => enableUser(instance, david, false),
    'its app disabled': () => enableApp(instance, READER, false),
    expired: () => instance.advance(DAY * 1000),
  }
  for (const [name, end] of Object.entries(ways)) {
    const { id, value } = await keep('PAT', 'reports.read')
    t.match(await described(value), { active: true })
    await end(id)
    await inactive(t, value, REPORTS_API, name)
    await enableUser(instance, david, true)
    await enableApp(instance, READER, true)
  }
})

await t.test('§2.2: the scope is one text where access tokens hold a list', async (t) => {
  const listed = await startReports(t, { TESSERA_COMPAT_SCOPE_ARRAY: 'true' })
  const { access_token } = await listed.ofPerson(READER, 'read reports.read')
  t.strictSame(claimsOf(access_token)['scope'], ['read', 'reports.read'])
  const wish = { app: READER, user: listed.david, scope: ['read', 'reports.read'] }
  const { value } = await keepReferenceToken(listed.instance, { kind: 'PAT', ...wish })
  for (const token of [access_token, value]) {
    t.match((await listed.introspect(token)).json, { active: true, scope: 'read reports.read' })
  }
})

await t.test('LG-31 the log holds none of those tokens', (t) => {
  logHoldsNoSecret(t, instance)
  t.end()
})
