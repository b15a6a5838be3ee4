// SQLite alone: PostgreSQL plans by statistics that a test has none of; test/store/reads-stay-small.ts asks both
import t from 'tap'
import { addTool, appPath, createAdminApi, TOOL } from '../fixtures/admin/admin.ts'
import { serviceToken } from '../fixtures/clients/endpoints.ts'
import { basic, bearer, postForm, send } from '../fixtures/clients/http.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { routesOf } from '../fixtures/instance/routes.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { fillWithPeople } from '../fixtures/store/crowd.ts'
import { type Asked, statementsOf, wideSteps } from '../fixtures/store/statements.ts'
import { API, askForSession, readNotices, sendTouches, serveApi } from '../fixtures/tokens/api-sessions.ts'
import { changeApp } from '../fixtures/tokens/reference-tokens.ts'

// More than a request may look at, of everything.
const MANY = 2500
const MOST_ROWS = 1000
const SPARE = 'my.trusted.app/spare'

const { instance, david } = await startWorld(t, { TESSERA_REGISTRATION: 'open' })
await serveApi(instance)
await addTool(instance)
await changeApp(instance, WEB, { accessTokens: 'AuthenticatedUsers', impersonateLoginUrl: [WEB_REDIRECT] })
await instance.addApp({ applicationUri: SPARE })
await instance.addUser({ login: 'spare' })
const admin = createAdminApi(instance, await serviceToken(instance, TOOL))
const web = createRelyingParty(instance, { clientId: WEB, login: 'david' })
const { access_token: access, refresh_token: refresh } = await web.obtainTokens()
await fillWithPeople(instance, WEB, MANY)

const { origin, issuer } = instance
const webForm = (path: string, fields: Record<string, string>) => postForm(`${issuer}${path}`, fields, basic(WEB))
const own = (method: string) => (path: string) =>
  web.browser.request(`${origin}${path}`, { method, headers: { origin, 'sec-fetch-site': 'same-origin' } })
const json = (method: string, path: string, body: object, headers = {}) =>
  send(`${origin}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
const SELF = { redirect_uris: ['https://own.example.com/cb'], client_name: 'Own' }
const { json: registered } = await json('POST', '/id/connect/register', SELF)
const ownPath = `/id/connect/register/${encodeURIComponent(String(registered['client_id']))}`
const ofItself = bearer(String(registered['registration_access_token']))
const [app, spare] = [appPath(WEB), appPath(SPARE)]
const david2 = `/users/${david.id}`

type Work = () => Promise<{ readonly status: number }>

/** How each route is asked that needs more than its address. A new one that does has to be added here. */
const ASKED: Readonly<Record<string, Work>> = {
  'GET /id/connect/authorize': () => web.browser.request(`${issuer}/connect/authorize?client_id=${WEB}`),
  'POST /id/connect/authorize': () => web.browser.request(`${issuer}/connect/authorize`, { method: 'POST' }),
  'POST /id/connect/token': () => web.refresh(refresh),
  'GET /id/connect/userinfo': () => web.userinfo(access),
  'POST /id/connect/userinfo': () => send(`${issuer}/connect/userinfo`, { method: 'POST', headers: bearer(access) }),
  'POST /id/connect/introspect': () => web.introspect(access),
  'POST /id/connect/revocation': () => webForm('/connect/revocation', { token: 'unknown' }),
  'POST /id/connect/register': () => json('POST', '/id/connect/register', SELF),
  'GET /id/connect/register/:client': () => send(`${origin}${ownPath}`, { headers: ofItself }),
  'PUT /id/connect/register/:client': () =>
    json('PUT', ownPath, { ...SELF, client_id: registered['client_id'] }, ofItself),
  'DELETE /id/connect/register/:client': () => send(`${origin}${ownPath}`, { method: 'DELETE', headers: ofItself }),
  'POST /id/connect/session': () => askForSession(instance, access, basic(API)),
  'POST /id/connect/session/touches': () => sendTouches(instance, { touches: 'unknown:1' }),
  'POST /id/connect/session/notices': () => readNotices(instance),
  'POST /manage/api/v1/apps': () => admin.post('/apps', { ApplicationUri: 'my.trusted.app/new', ClientType: 'None' }),
  'PATCH /manage/api/v1/apps/:applicationUri': () => admin.patch(app, { Name: 'Web 2' }),
  'DELETE /manage/api/v1/apps/:applicationUri': () => admin.remove(spare),
  'POST /manage/api/v1/apps/:applicationUri/secrets': () => admin.post(`${app}/secrets`, {}),
  'POST /manage/api/v1/apps/:applicationUri/tokens': () => admin.post(`${app}/tokens`, { kind: 'SAT' }),
  'PUT /manage/api/v1/license': () => admin.put('/license', { slots: 100_000, reserved: [] }),
  'POST /manage/api/v1/users': () => admin.post('/users', { login: 'newcomer', type: 'InternalUser' }),
  'PATCH /manage/api/v1/users/:user': () => admin.patch(david2, { name: 'David 2' }),
  'DELETE /manage/api/v1/users/:user': () => admin.remove('/users/spare'),
  'PUT /manage/api/v1/users/:user/password': () =>
    admin.put('/users/spare/password', { password: 'another horse battery staple' }),
  'POST /manage/api/v1/keys': () => admin.post('/keys', {}),
  'POST /profile/api/v1/tokens': () =>
    web.browser.request(`${origin}/profile/api/v1/tokens`, {
      method: 'POST',
      headers: { origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' },
      body: JSON.stringify({ app: WEB }),
    }),
  'GET /profile/me': () => send(`${origin}/profile/me`, { headers: bearer(access) }),
}

const NAMES: Readonly<Record<string, string>> = {
  user: david.id,
  applicationUri: encodeURIComponent(WEB),
  client: encodeURIComponent(WEB),
  '*': 'tessera.css',
}

/** A request by the address alone, of somebody who may. */
function askPlainly(method: string, url: string): Work {
  const path = url.replace('*', 'tessera.css').replace(/:(\w+)/g, (_, name: string) => NAMES[name] ?? 'unknown')
  if (path.startsWith('/manage/api/v1'))
    return () => admin.call(method, path.slice('/manage/api/v1'.length), undefined, { 'if-match': '*' })
  if (path.startsWith('/profile')) return () => own(method)(path)
  return () => web.browser.request(`${origin}${path}`, { method, headers: { origin, 'sec-fetch-site': 'same-origin' } })
}

// What happened in one millisecond is sorted by its ids; a dozen apps PostgreSQL reads at once; registrations are bounded by TESSERA_REGISTRATION_MOST.
const BOUNDED = /LAST TERM|^(SCAN|Seq Scan on) self_registrations|outbox_waiting|Seq Scan on trusted_applications app/

async function whatIsWide(asked: readonly Asked[], isList: boolean): Promise<string[]> {
  const found: string[] = []
  for (const one of asked) {
    const steps = (await wideSteps(instance, one)).filter((step) => !BOUNDED.test(step))
    found.push(...steps.map((step) => `${step}: ${one.sql}`))
    const { rows } = one
    if (!isList && rows > MOST_ROWS) found.push(`${rows} rows: ${one.sql}`)
  }
  return [...new Set(found)]
}

/** What is not there, or not to be had without a page before it; the way to that answer is looked at all the same. */
const REFUSED: readonly string[] = [
  '400 GET /id/connect/authorize',
  '400 GET /id/connect/authorize/continue',
  '400 GET /id/consent',
  '400 GET /id/login',
  '400 GET /id/logout',
  '400 POST /id/connect/authorize',
  '400 POST /id/connect/session/touches',
  '400 POST /id/consent',
  '400 POST /id/login',
  '400 POST /id/logout',
  '404 DELETE /manage/api/v1/apps/:applicationUri/secrets/:secret',
  '404 DELETE /manage/api/v1/apps/:applicationUri/tokens/:id',
  '404 DELETE /manage/api/v1/keys/:kid',
  '404 DELETE /manage/api/v1/sessions/:id',
  '404 DELETE /profile/api/v1/consents/:applicationUri',
  '404 DELETE /profile/api/v1/tokens/:id',
  '404 GET /id/error',
  '404 GET /manage/api/v1/refusals/:id',
  '404 GET /profile/me/picture',
  '404 GET /profile/me/picture/128',
  '404 GET /profile/me/picture/64',
  '409 POST /manage/api/v1/apps/:applicationUri/tokens',
]

/** Lists read a page, and what belongs to each of its rows. */
const LISTS = /^GET \/(manage|profile)\/api\/v1\/(apps|users|sessions|audit|refusals|consents|tokens)$/

const last = (method: string): number => (method === 'DELETE' ? 1 : 0)

await t.test(
  `beside ${MANY} of everything no route reads a table that grows, or more than ${MOST_ROWS} rows`,
  async (t) => {
    const routes = routesOf(instance.server)
      .filter(([method]) => method !== 'HEAD' && method !== 'OPTIONS')
      .sort(([a], [b]) => last(a) - last(b))
    t.ok(routes.length > 60, `${routes.length} routes`)
    const known = new Set(routes.map(([method, url]) => `${method} ${url}`))
    t.strictSame(
      Object.keys(ASKED).filter((name) => !known.has(name)),
      [],
      'each that is asked by name is there',
    )
    const unanswered: string[] = []
    for (const [method, url] of routes) {
      const name = `${method} ${url}`
      let status = 0
      const asked = await statementsOf(async () => {
        status = (await (ASKED[name] ?? askPlainly(method, url))()).status
      })
      if (status === 405) continue
      if (status >= 400) unanswered.push(`${status} ${name}`)
      t.strictSame(await whatIsWide(asked, LISTS.test(name)), [], `${name}: ${status}`)
    }
    t.strictSame(unanswered.sort(), REFUSED, 'a new route says how it is asked')
  },
)
