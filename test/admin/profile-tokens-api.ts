import t, { type Test } from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { logHoldsNoSecret } from '../fixtures/answers/refusals.ts'
import { noteSecret } from '../fixtures/answers/secrets.ts'
import { obtainTokens } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl, introspect } from '../fixtures/clients/endpoints.ts'
import { basic, bearer } from '../fixtures/clients/http.ts'
import { ALIVE, createRelyingParty, DEAD, lifeOf } from '../fixtures/clients/relying-party.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { enableUser, NOTE, OTHER, OTHER_REDIRECT, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'
import { changeApp, issue } from '../fixtures/tokens/reference-tokens.ts'

const { instance, david, anna } = await startWorld(t)
await changeApp(instance, WEB, { accessTokens: 'AuthenticatedUsers' })
await changeApp(instance, OTHER, { accessTokens: 'AdministratorsOnly' })
const URL_OF_TOKENS = `${instance.origin}/profile/api/v1/tokens`

type Json = Record<string, unknown>

async function signedIn(login: string) {
  const browser = createBrowser(instance.origin)
  const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
  await signInAndConsent(browser, await browser.open(url), login)
  return browser
}

type Send = (url: string, init: RequestInit) => Promise<Response>

async function call(send: Send, method: string, path = '', body?: unknown, headers: Record<string, string> = {}) {
  const json = body === undefined ? {} : { body: JSON.stringify(body) }
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  const answer = await send(`${URL_OF_TOKENS}${path}`, { method, ...json, headers: { ...type, ...headers } })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, json: (text === '' ? {} : JSON.parse(text)) as Json }
}

type Answer = Awaited<ReturnType<typeof call>>

function isProblem(
  t: Test,
  answer: Answer,
  status: number,
  type: string,
  detail: string | RegExp,
  rule?: string,
): void {
  t.equal(answer.status, status)
  t.match(answer.headers.get('content-type'), /^application\/problem\+json\b/)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.match(answer.json, {
    type: `urn:tessera:problem:${type}`,
    status,
    detail,
    instance: `/manage/api/v1/refusals/${answer.json['refusal_id']}`,
  })
  const kept = instance.log.filter((record) => record['refusal'] === answer.json['refusal_id'])
  t.equal(kept.length, 1, 'kept under its id')
  t.match(kept[0], { cause: { rule: rule ?? /^[a-z-]+$/, cause: /./ } }, 'the operator learns why')
}

const davids = await signedIn('david')
const mine: Send = (url, init) => davids.request(url, init)
const OWN = { origin: instance.origin, 'sec-fetch-site': 'same-origin' }

await t.test('whoever is signed in makes, lists and revokes their own PATs', async (t) => {
  const made = await call(
    mine,
    'POST',
    '',
    { app: WEB, scope: 'read', expires_at: '30d', description: 'my script' },
    OWN,
  )
  t.equal(made.status, 201)
  t.equal(made.headers.get('cache-control'), 'no-store')
  const { token, id } = made.json as Record<string, string>
  noteSecret(String(token))
  t.match(made.json, {
    kind: 'PAT',
    app: WEB,
    user: 'david',
    scope: 'read',
    description: 'my script',
    created_by: `user:${david.id}`,
  })
  t.match((await introspect(instance, String(token), basic(WEB))).json, { active: true, scope: 'read', sub: david.id })
  const listed = await call(mine, 'GET')
  t.equal(listed.headers.get('cache-control'), 'no-store')
  matchesWhole(t, listed.json, { items: [{ id, state: 'live' }], next: null })
  t.notMatch(JSON.stringify(listed.json), /enrt_/)
  t.equal((await call(mine, 'DELETE', `/${id}`, undefined, OWN)).status, 204)
  t.strictSame((await introspect(instance, String(token), basic(WEB))).json, { active: false })
  matchesWhole(t, (await call(mine, 'GET')).json, { items: [{ id, state: 'revoked' }] })
  const events = await instance.core.store.read.auditEvents.latest({ user: david.id }, 2)
  matchesWhole(t, events, [
    { event: 'reference_token_issued', actor: `user:${david.id}`, address: '127.0.0.1', app: WEB },
    { event: 'reference_token_revoked', actor: `user:${david.id}` },
  ])
})

await t.test('the tokens of others are nobody else’s business', async (t) => {
  const annas = await issue(instance, { kind: 'PAT', app: WEB, user: 'anna' })
  t.notMatch(JSON.stringify((await call(mine, 'GET')).json), annas.token.id)
  isProblem(
    t,
    await call(mine, 'DELETE', `/${annas.token.id}`, undefined, OWN),
    404,
    'not-found',
    'id: no token here has this id',
  )
  t.match((await introspect(instance, annas.value, basic(WEB))).json, { active: true, sub: anna.id })
  const body = { app: WEB, user: anna.id }
  isProblem(t, await call(mine, 'POST', '', body, OWN), 400, 'malformed-request', /^user: cannot be set here/)
  isProblem(
    t,
    await call(mine, 'POST', '', { app: WEB, kind: 'SAT' }, OWN),
    400,
    'malformed-request',
    /^kind: cannot be set here/,
  )
})

await t.test('without a session: 401', async (t) => {
  for (const [method, path] of [
    ['GET', ''],
    ['POST', ''],
    ['DELETE', '/x'],
    ['GET', '/nothing'],
  ] as const) {
    const answer = await call(fetch, method, path, method === 'POST' ? { app: WEB } : undefined)
    isProblem(t, answer, 401, 'session-needed', 'nobody is signed in with this browser', 'browser-session-missing')
    t.equal(answer.headers.get('www-authenticate'), 'Cookie realm="tessera"')
  }
})

await t.test('no token counts, also beside a session', async (t) => {
  const { value } = await issue(instance, { kind: 'PAT', app: WEB, user: 'david' })
  const { access_token } = await obtainTokens(instance)
  for (const send of [fetch as Send, mine]) {
    for (const [method, body] of [
      ['GET', undefined],
      ['POST', { app: WEB }],
    ] as const) {
      const byPat = await call(send, method, '', body, { ...OWN, ...bearer(value) })
      isProblem(
        t,
        byPat,
        403,
        'not-allowed',
        'a reference token cannot create another one: sign in instead',
        'reference-token-makes-none',
      )
      const byOther = await call(send, method, '', body, { ...OWN, ...bearer(access_token) })
      isProblem(t, byOther, 401, 'session-needed', /sign in with the browser/, 'browser-session-missing')
    }
  }
  const basicAuth = await call(mine, 'GET', '', undefined, { authorization: 'Basic ZGF2aWQ6eA==' })
  isProblem(t, basicAuth, 401, 'session-needed', /sign in with the browser/)
})

await t.test('no page elsewhere makes or revokes a token', async (t) => {
  const { token } = await issue(instance, { kind: 'PAT', app: WEB, user: 'david' })
  const foreign = 'this form was not sent from its own page; go back, reload and try again'
  for (const headers of [
    { origin: 'https://evil.example.com' },
    { origin: 'https://evil.example.com', 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'null' },
  ] as Record<string, string>[]) {
    isProblem(t, await call(mine, 'POST', '', { app: WEB }, headers), 403, 'not-allowed', foreign, 'form-foreign')
    isProblem(t, await call(mine, 'DELETE', `/${token.id}`, undefined, headers), 403, 'not-allowed', foreign)
  }
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x']) {
    const sent = await mine(URL_OF_TOKENS, {
      method: 'POST',
      headers: { ...OWN, 'content-type': type },
      body: `app=${WEB}`,
    })
    t.equal(sent.status, 415, type)
  }
  const preflight = await fetch(URL_OF_TOKENS, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' },
  })
  t.equal(preflight.headers.get('access-control-allow-origin'), null, 'nor from an app’s origin')
  const { headers } = await call(mine, 'GET', '', undefined, { origin: 'https://app.example.com' })
  t.equal(headers.get('access-control-allow-origin'), null)
})

await t.test('what cannot be made', async (t) => {
  const post = (body: unknown) => call(mine, 'POST', '', body, OWN)
  isProblem(t, await post({ app: OTHER }), 409, 'conflict', /AdministratorsOnly, and the user is not an administrator/)
  isProblem(t, await post({ app: NOTE }), 409, 'conflict', /is registered as a note only/)
  isProblem(t, await post({ app: `${WEB}x` }), 404, 'not-found', 'app: no app has this ApplicationUri')
  isProblem(
    t,
    await post({ app: WEB, scope: 'openid', expires_at: '400d' }),
    422,
    'impossible-record',
    /^scope: openid .*; expires_at: is later/,
  )
  isProblem(t, await post({}), 400, 'malformed-request', /^app: is required/)
  isProblem(t, await call(mine, 'PUT', '', {}, OWN), 405, 'method-not-allowed', 'use GET, HEAD, POST here')
})

await t.test('pages', async (t) => {
  const all = (await call(mine, 'GET')).json['items'] as { id: string }[]
  const first = await call(mine, 'GET', '?limit=1')
  matchesWhole(t, first.json, { items: [{ id: all[0]?.id }], next: /./ })
  const second = await call(mine, 'GET', `?limit=1&cursor=${first.json['next']}`)
  matchesWhole(t, second.json, { items: [{ id: all[1]?.id }] })
})

await t.test('a session that is over opens nothing', async (t) => {
  await enableUser(instance, david, false)
  isProblem(t, await call(mine, 'GET'), 401, 'session-needed', 'nobody is signed in with this browser')
  logHoldsNoSecret(t, instance)
})

await t.test('the description of the API is open to everybody', async (t) => {
  const answer = await fetch(`${instance.origin}/profile/api/v1/openapi.json`)
  const json = (await answer.json()) as { paths: Record<string, object> }
  matchesWhole(t, json, { openapi: '3.1.0', security: [{ session: [] }] })
  t.strictSame(
    Object.entries(json.paths).map(([path, item]) => `${path} ${Object.keys(item).sort()}`),
    [
      '/profile/api/v1/tokens get,post',
      '/profile/api/v1/tokens/{id} delete',
      '/profile/api/v1/consents get',
      '/profile/api/v1/consents/{applicationUri} delete',
    ],
  )
})

await t.test('what apps may refresh is listed after the PATs, and ended with all that grew from it', async (t) => {
  const eve = await instance.addUser({ login: 'eve' })
  const web = createRelyingParty(instance, { clientId: WEB, login: 'eve' })
  const other = createRelyingParty(
    instance,
    { clientId: OTHER, redirectUri: OTHER_REDIRECT, login: 'eve' },
    web.browser,
  )
  const hers: Send = (url, init) => web.browser.request(url, init)
  const list = async (query = '') => (await call(hers, 'GET', query)).json as { items: Json[]; next: string | null }
  const started = instance.now()
  const first = await web.obtainTokens()
  t.strictSame((await web.obtainTokens({ scope: 'openid read' })).refresh_token, '', 'nothing to refresh')
  instance.advance(1000)
  const second = await other.obtainTokens()
  await issue(instance, { kind: 'PAT', app: WEB, user: 'eve' })
  instance.advance(60_000)
  const refreshed = tokensOf(await web.refresh(first.refresh_token))

  const { items } = await list()
  t.strictSame(
    items.map(({ kind, app }) => [kind, app]),
    [
      ['PAT', WEB],
      ['refresh_token', OTHER],
      ['refresh_token', WEB],
    ],
  )
  const [, theirs, grant] = items
  const time = (at: number): string => new Date(at).toISOString()
  matchesWhole(t, grant, {
    ...{ kind: 'refresh_token', app: WEB, user: 'eve', user_id: eve.id, description: 'Web shop', state: 'live' },
    ...{ scope: 'openid offline_access read', created_by: `user:${eve.id}`, revoked_at: null, reason: null },
    created_at: time(started),
    last_used_at: time(instance.now()),
    expires_at: time(started + 30 * 86_400_000),
  })
  t.equal(theirs?.['last_used_at'], null, 'never refreshed')

  const pages: unknown[] = []
  for (let next: string | null = ''; next !== null; ) {
    const page = await list(`?limit=1${next === '' ? '' : `&cursor=${next}`}`)
    t.equal(page.items.length, 1)
    pages.push(page.items[0]?.['id'])
    next = page.next
  }
  t.strictSame(
    pages,
    items.map(({ id }) => id),
    'a page at a time, across both kinds',
  )
  const broken = Buffer.from('refresh_token x y').toString('base64url')
  isProblem(t, await call(hers, 'GET', `?cursor=${broken}`), 400, 'malformed-request', /cursor/)

  const path = `/${grant?.['id']}`
  const annas = await signedIn('anna')
  const ofAnna: Send = (url, init) => annas.request(url, init)
  isProblem(t, await call(ofAnna, 'DELETE', path, undefined, OWN), 404, 'not-found', 'id: no token here has this id')
  t.equal((await call(hers, 'DELETE', path, undefined, OWN)).status, 204)
  t.equal((await call(hers, 'DELETE', path, undefined, OWN)).status, 204, 'again')
  t.equal(await lifeOf(web, refreshed), DEAD)
  t.equal(await lifeOf(other, second), ALIVE, 'what the other app was given goes on')
  t.equal((await web.refresh(refreshed.refresh_token)).status, 400)
  t.strictSame(
    (await list()).items.map(({ kind, app }) => [kind, app]),
    [
      ['PAT', WEB],
      ['refresh_token', OTHER],
    ],
  )
  const events = await instance.core.store.read.auditEvents.read({ user: eve.id }, 100)
  matchesWhole(
    t,
    events.filter(({ event }) => event === 'token_revoked'),
    [{ actor: `user:${eve.id}`, app: WEB, detail: { kind: 'refresh_token', family: grant?.['id'] } }],
  )

  await t.test('of an app whose refresh tokens end with the session, nothing once that is over', async (t) => {
    await changeApp(instance, OTHER, { refreshEndsWithSession: true })
    t.equal((await list()).items.length, 2)
    await web.browser.open(endSessionUrl(instance, { id_token_hint: second.id_token }))
    const again = createRelyingParty(instance, { clientId: WEB, login: 'eve' }, web.browser)
    await again.authorize({ scope: 'openid' })
    t.strictSame(
      (await list()).items.map(({ kind, app }) => [kind, app]),
      [['PAT', WEB]],
    )
  })
})
