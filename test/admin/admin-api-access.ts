import t from 'tap'
import { RECORD_ATTRIBUTES } from '../../src/domain/apps/app-attributes.ts'
import { addTool, createAdminApi, isProblem, TOOL } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { refusalsOf } from '../fixtures/answers/refusals.ts'
import { obtainCode, redeem } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, requestServiceToken, serviceToken } from '../fixtures/clients/endpoints.ts'
import { basic, bearer } from '../fixtures/clients/http.ts'
import { claimsOf } from '../fixtures/clients/jwt.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { enableApp, enableUser, SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'

const { instance, david } = await startWorld(t)
await addTool(instance)
const CONSOLE = 'my.admin/console'
const CONSOLE_REDIRECT = 'https://admin.example.com/cb'
const consoleApp = {
  applicationUri: CONSOLE,
  impersonateAsInternalUserAllowed: true,
  impersonateAsCommunityUserAllowed: true,
  impersonateLoginUrl: [CONSOLE_REDIRECT],
  scope: ['sec'],
  administrationAllowed: true,
}
await instance.addApp(consoleApp)
const eva = await instance.addUser({ login: 'eva', isAdmin: true })
const { store } = instance.core
const MANAGE = `${instance.origin}/manage/api/v1`

const status = async (token: string): Promise<number> => (await createAdminApi(instance, token).get('/apps')).status

async function userToken(login: string): Promise<string> {
  const request = { client_id: CONSOLE, redirect_uri: CONSOLE_REDIRECT, scope: 'openid sec' }
  const code = await obtainCode(instance, request, { login })
  return tokensOf(await redeem(instance, code, { redirect_uri: CONSOLE_REDIRECT }, basic(CONSOLE))).access_token
}

const PATHS = [
  ['GET', '/apps'],
  ['POST', '/apps'],
  ['GET', `/apps/${encodeURIComponent(WEB)}`],
  ['PATCH', `/apps/${encodeURIComponent(WEB)}`],
  ['DELETE', `/apps/${encodeURIComponent(WEB)}`],
  ['GET', `/apps/${encodeURIComponent(WEB)}/secrets`],
  ['POST', `/apps/${encodeURIComponent(WEB)}/secrets`],
  ['DELETE', `/apps/${encodeURIComponent(WEB)}/secrets/x`],
  ['GET', `/apps/${encodeURIComponent(WEB)}/tokens`],
  ['POST', `/apps/${encodeURIComponent(WEB)}/tokens`],
  ['DELETE', `/apps/${encodeURIComponent(WEB)}/tokens/x`],
  ['GET', '/users'],
  ['POST', '/users'],
  ['GET', '/users/david'],
  ['PATCH', '/users/david'],
  ['DELETE', '/users/david'],
  ['PUT', '/users/david/password'],
  ['POST', '/users/david/unlock'],
  ['POST', '/keys'],
  ['GET', '/resources'],
  ['POST', '/resources'],
  ['GET', '/resources/x'],
  ['PATCH', '/resources/x'],
  ['DELETE', '/resources/x'],
  ['GET', '/registration-tokens'],
  ['POST', '/registration-tokens'],
  ['DELETE', '/registration-tokens/x'],
  ['GET', '/users/david/consents'],
  ['DELETE', '/users/david/consents/x'],
  ['GET', '/refusals'],
  ['GET', '/refusals/x'],
  ['GET', '/audit'],
  ['GET', '/settings'],
  ['PATCH', '/settings'],
  ['POST', '/plan'],
  ['POST', '/apply'],
  ['GET', '/nothing/here'],
] as const

await t.test('without a token every address answers 401 with the bare challenge', async (t) => {
  for (const [method, path] of PATHS) {
    const answer = await createAdminApi(instance, undefined).call(method, path)
    isProblem(t, instance, answer, { status: 401, type: 'access-token-needed' }, `${method} ${path}`)
    t.equal(answer.headers.get('www-authenticate'), 'Bearer realm="tessera", scope="sec"')
  }
})

await t.test('without the scope sec every address answers 403 and names it', async (t) => {
  const token = await serviceToken(instance, SYNC)
  for (const [method, path] of PATHS) {
    const answer = await createAdminApi(instance, token).call(method, path)
    const detail = 'the access token lacks the scope: sec'
    isProblem(t, instance, answer, { status: 403, type: 'not-allowed', detail }, `${method} ${path}`)
    t.equal(
      answer.headers.get('www-authenticate'),
      `Bearer realm="tessera", error="insufficient_scope", error_description="${detail}", scope="sec"`,
    )
  }
})

await t.test('what is no live access token answers 401 invalid_token', async (t) => {
  const code = await obtainCode(instance, { scope: 'openid offline_access read' })
  const tokens = tokensOf(await redeem(instance, code))
  const good = await serviceToken(instance, TOOL)
  for (const [what, token] of [
    ['garbage', 'garbage'],
    ['a refresh token', tokens.refresh_token],
    ['an ID token', tokens.id_token],
    ['another signature', `${good.slice(0, -4)}AAAA`],
  ] as const) {
    const answer = await createAdminApi(instance, token).get('/apps')
    isProblem(t, instance, answer, { status: 401, type: 'access-token-needed' }, what)
    t.match(answer.headers.get('www-authenticate'), /^Bearer realm="tessera", error="invalid_token", .*scope="sec"$/)
  }
  t.equal(await status(good), 200)
  instance.advance(3601 * 1000)
  t.equal(await status(good), 401, 'expired')
})

await t.test('the token belongs in the header, once', async (t) => {
  const token = await serviceToken(instance, TOOL)
  t.equal((await fetch(`${MANAGE}/apps?access_token=${token}`)).status, 400)
  t.equal((await fetch(`${MANAGE}/apps`, { headers: basic(TOOL) })).status, 401, 'not the secret of the app')
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const inBody = await fetch(`${MANAGE}/apps`, { method: 'POST', headers: form, body: `access_token=${token}` })
  t.equal(inBody.status, 401)
})

await t.test('a service needs the mark of its app alone; the token says who acts', async (t) => {
  const token = await serviceToken(instance, TOOL)
  t.match(claimsOf(token), { scope: 'sec', client_id: TOOL, sub: TOOL })
  t.equal(await status(token), 200)
})

await t.test('an app without the mark can neither hold the scope nor use it', async (t) => {
  const api = createAdminApi(instance, await serviceToken(instance, TOOL))
  const made = await api.post('/apps', { ApplicationUri: 'my.app/climber', ClientType: 'Confidential', Scope: 'sec' })
  isProblem(t, instance, made, {
    status: 422,
    type: 'impossible-record',
    errors: ['Scope: sec opens the administration API and requires AdministrationAllowed true'],
  })
  const asked = await requestServiceToken(instance, basic(SYNC), { scope: 'sec' })
  t.match(asked.json, { error: 'invalid_scope' })
})

await t.test('the record of the app counts as it is now', async (t) => {
  const app = await addTool(instance, { applicationUri: 'my.admin/former' })
  const token = await serviceToken(instance, app)
  const record = await store.read.apps.find(app)
  if (!record) throw new Error('no record')
  const { secrets, isEnabled, epoch, createdAt, updatedAt, ...registration } = record
  const withRecord = async (changes: object): Promise<number> => {
    await store.write(({ apps }) => apps.update({ ...registration, ...changes }, instance.now()))
    return status(token)
  }
  t.equal(await status(token), 200)
  t.equal(await withRecord({ administrationAllowed: false }), 403, 'the mark is gone')
  t.equal(await withRecord({ scope: ['read'] }), 403, 'the scope is gone')
  t.equal(await withRecord({}), 200)
  t.equal(await withRecord({ systemUserAllowed: false }), 401, 'it may not act on its own')
  const other = await instance.addUser({ login: 'svc.new', type: 'SystemUserNoLogin' })
  t.equal(await withRecord({ systemUser: other.id }), 401, 'it acts as somebody else')
  t.equal(await withRecord({}), 401, 'and what was issued before stays ended')
  await enableApp(instance, app, false)
  t.equal(await status(token), 401, 'the app is disabled')
  await enableApp(instance, app, true)
  t.equal(await status(token), 401, 'enabling revives nothing')
})

await t.test('a person needs to be an administrator, now', async (t) => {
  const token = await userToken('eva')
  t.match(claimsOf(token), { scope: 'openid sec', sub: eva.id })
  t.equal(await status(token), 200)
  const demote = (isAdmin: boolean) => store.write(({ users }) => users.update({ ...eva, isAdmin }, instance.now()))
  await demote(false)
  const answer = await createAdminApi(instance, token).get('/apps')
  isProblem(t, instance, answer, { status: 403, type: 'not-allowed', detail: 'the user is not an administrator' })
  t.match(answer.headers.get('www-authenticate'), /error="insufficient_scope".*scope="sec"/)
  await demote(true)
  t.equal(await status(token), 200)
  await enableUser(instance, eva, false)
  t.equal(await status(token), 401)
  await enableUser(instance, eva, true)
  t.equal(await status(token), 401)
  const davids = await userToken('david')
  t.equal(await status(davids), 403, 'David is no administrator')
  t.match(
    refusalsOf(instance)
      .filter((record) => record['status'] === 403)
      .at(-1),
    {
      app: CONSOLE,
      cause: { actor: `user:${david.id}` },
    },
  )
})

await t.test('what a person does is told as theirs', async (t) => {
  const api = createAdminApi(instance, await userToken('eva'))
  t.equal((await api.patch('/users/anna', { name: 'Anna Bergmann' })).status, 200)
  const [event] = (await store.read.auditEvents.read({ event: 'user_updated' }, 10)).slice(-1)
  t.match(event, {
    actor: `user:${eva.id}`,
    address: '127.0.0.1',
    detail: { fields: { name: { from: 'Anna Berg', to: 'Anna Bergmann' } } },
  })
})

await t.test('cookies never count', async (t) => {
  const browser = createBrowser(instance.origin)
  const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
  await signInAndConsent(browser, await browser.open(url), 'eva')
  t.equal((await browser.request(`${MANAGE}/apps`)).status, 401)
  const post = { method: 'POST', headers: { origin: instance.origin, 'content-type': 'application/json' }, body: '{}' }
  t.equal((await browser.request(`${MANAGE}/apps`, post)).status, 401)
})

await t.test('no other web origin reads an answer', async (t) => {
  const token = await serviceToken(instance, TOOL)
  for (const origin of ['https://evil.example.com', 'https://app.example.com', instance.origin]) {
    const preflight = await fetch(`${MANAGE}/apps`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'authorization' },
    })
    const answer = await fetch(`${MANAGE}/apps`, { headers: { ...bearer(token), origin } })
    for (const { headers } of [preflight, answer]) t.equal(headers.get('access-control-allow-origin'), null, origin)
  }
})

await t.test('every answer has the headers of the house', async (t) => {
  const api = createAdminApi(instance, await serviceToken(instance, TOOL))
  for (const answer of [await api.get('/apps'), await api.get('/nothing'), await api.get('/openapi.json')]) {
    t.equal(answer.headers.get('cache-control'), 'no-store')
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    t.equal(answer.headers.get('cross-origin-resource-policy'), 'same-origin')
    t.match(answer.headers.get('content-security-policy'), /^default-src 'none'/)
  }
})

await t.test('a method that an address does not take', async (t) => {
  const api = createAdminApi(instance, await serviceToken(instance, TOOL))
  const answer = await api.put('/apps', {})
  isProblem(t, instance, answer, { status: 405, type: 'method-not-allowed' })
  t.equal(answer.headers.get('allow'), 'GET, HEAD, POST')
})

await t.test('bodies that are no JSON object', async (t) => {
  const api = createAdminApi(instance, await serviceToken(instance, TOOL))
  const as = (type: string) => ({ 'content-type': type })
  const form = await api.call('POST', '/apps', 'a=b', as('application/x-www-form-urlencoded'))
  isProblem(t, instance, form, { status: 415, type: 'media-type' })
  isProblem(t, instance, await api.call('POST', '/apps', '{}', as('text/plain')), { status: 415, type: 'media-type' })
  const huge = await api.post('/apps', { ApplicationUri: 'x'.repeat(300_000) })
  isProblem(t, instance, huge, { status: 413, type: 'too-large' })
  for (const body of ['{', '', '[]', '"text"', '7', 'null', '{"__proto__":{"ClientType":"Public"}}']) {
    const answer = await api.call('POST', '/apps', body, as('application/json'))
    isProblem(t, instance, answer, { status: 400, type: 'malformed-request' }, body)
  }
  isProblem(t, instance, await api.post('/apps'), { status: 400, type: 'malformed-request' }, 'no body')
})

await t.test('a refusal can be read under the address it names', async (t) => {
  const api = createAdminApi(instance, await serviceToken(instance, TOOL))
  instance.advance(1000)
  const refused = await api.post('/apps', {
    ApplicationUri: 'my.app/bad',
    ClientType: 'Confidential',
    Scope: 'nonsense',
  })
  const path = String(refused.json['instance']).slice('/manage/api/v1'.length)
  matchesWhole(t, (await api.get(path)).json, {
    id: refused.json['refusal_id'],
    endpoint: '/manage/api/v1/apps',
    method: 'POST',
    status: 422,
    error: 'invalid_change',
    app: TOOL,
    detail: { faults: [/^Scope: no API resource has the scope nonsense/] },
  })
  const { json } = await api.get(`/refusals?app=${encodeURIComponent(TOOL)}&limit=1`)
  matchesWhole(t, json, { items: [{ id: refused.json['refusal_id'] }], next: /./ })
  const older = await api.get(`/refusals?app=${encodeURIComponent(TOOL)}&limit=1&cursor=${json['next']}`)
  t.notMatch(older.json, { items: [{ id: refused.json['refusal_id'] }] })
  isProblem(t, instance, await api.get('/refusals/0000000000000000'), { status: 404, type: 'not-found' })
})

await t.test('the audit log in pages', async (t) => {
  const api = createAdminApi(instance, await serviceToken(instance, TOOL))
  for (const name of ['One', 'Two', 'Three']) await api.patch('/users/anna', { name })
  const readAll = async (order: string): Promise<unknown[]> => {
    const seen: unknown[] = []
    for (let next: unknown = ''; next !== null; ) {
      const more = next === '' ? '' : `&cursor=${next}`
      const { json } = await api.get(`/audit?event=user_updated&limit=2${order}${more}`)
      for (const event of json['items'] as { detail: { fields: { name?: { to: string } } } }[])
        seen.push(event.detail.fields.name?.to)
      next = json['next']
    }
    return seen
  }
  const newest = await readAll('')
  t.strictSame(newest.slice(0, 3), ['Three', 'Two', 'One'], 'the newest first')
  t.strictSame(await readAll('&order=oldest'), newest.toReversed(), 'or as they came, to go on where reading stopped')
  isProblem(t, instance, await api.get('/audit?order=random'), { status: 400, type: 'malformed-request' })
  t.equal((await api.get('/audit?since=yesterday')).status, 400)
  const later = encodeURIComponent(new Date(instance.now() + 1000).toISOString())
  t.strictSame((await api.get(`/audit?since=${later}`)).json, { items: [], next: null })
})

await t.test('the description of the API says what each attribute of an app means', async (t) => {
  const { json } = await createAdminApi(instance, undefined).get('/openapi.json')
  const said = JSON.stringify(json)
  for (const { name, meaning } of RECORD_ATTRIBUTES) t.ok(said.includes(JSON.stringify(meaning)), name)
})

await t.test('the description of the API is open to everybody and names every route', async (t) => {
  const { json, status: code } = await createAdminApi(instance, undefined).get('/openapi.json')
  t.equal(code, 200)
  matchesWhole(t, json, {
    openapi: '3.1.0',
    info: { title: 'Tessera administration API' },
    security: [{ accessToken: [] }],
  })
  const paths = json['paths'] as Record<string, Record<string, { operationId: string; responses: object }>>
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(
      ([method, { operationId }]) => `${method} ${path.slice('/manage/api/v1'.length)} ${operationId}`,
    ),
  )
  t.strictSame(operations.sort(), [
    'delete /apps/{applicationUri} removeApp',
    'delete /apps/{applicationUri}/secrets/{secret} removeSecret',
    'delete /apps/{applicationUri}/tokens/{id} revokeToken',
    'delete /keys/{kid} revokeKey',
    'delete /registration-tokens/{id} revokeRegistrationToken',
    'delete /resources/{identifier} removeResource',
    'delete /sessions/{id} endSession',
    'delete /sign-ins/{sid} endSignIn',
    'delete /tokens/{id} revokeAnyToken',
    'delete /users/{user} removeUser',
    'delete /users/{user}/consents/{applicationUri} withdrawConsent',
    'delete /users/{user}/sessions endSessionsOfUser',
    'delete /users/{user}/sign-ins endSignInsOfUser',
    'get /apps listApps',
    'get /apps/{applicationUri} showApp',
    'get /apps/{applicationUri}/logouts listLogouts',
    'get /apps/{applicationUri}/secrets listSecrets',
    'get /apps/{applicationUri}/tokens listTokens',
    'get /audit listEvents',
    'get /consents listAllConsents',
    'get /keys listKeys',
    'get /license showLicense',
    'get /refusals listRefusals',
    'get /refusals/{id} showRefusal',
    'get /registration-tokens listRegistrationTokens',
    'get /resources listResources',
    'get /resources/{identifier} showResource',
    'get /sessions listSessions',
    'get /settings listSettings',
    'get /sign-ins/{sid} showSignIn',
    'get /tokens listAllTokens',
    'get /users listUsers',
    'get /users/{user} showUser',
    'get /users/{user}/consents listConsents',
    'get /users/{user}/sign-ins listSignIns',
    'patch /apps/{applicationUri} updateApp',
    'patch /resources/{identifier} updateResource',
    'patch /settings updateSettings',
    'patch /users/{user} updateUser',
    'post /apply applyFiles',
    'post /apps registerApp',
    'post /apps/{applicationUri}/secrets addSecret',
    'post /apps/{applicationUri}/tokens issueToken',
    'post /keys rotateKeys',
    'post /plan planFiles',
    'post /registration-tokens createRegistrationToken',
    'post /resources addResource',
    'post /users addUser',
    'post /users/{user}/unlock unlockUser',
    'put /license setLicense',
    'put /users/{user}/password setPassword',
  ])
})
