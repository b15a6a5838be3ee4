import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { registrationOf, requireApp } from '../../../src/admin/apps/apps.ts'
import { endSessionsOfUser } from '../../../src/admin/grants/api-sessions.ts'
import { withdrawConsent } from '../../../src/admin/grants/consents.ts'
import { requireUser } from '../../../src/admin/users/find-user.ts'
import type { AppRegistration } from '../../../src/domain/apps/trusted-application.ts'
import { digest } from '../../../src/lib/crypto/secrets.ts'
import { HOUR } from '../../../src/lib/time/clock.ts'
import type { Repositories } from '../../../src/store/store.ts'
import { addTool, appPath, createAdminApi, TOOL } from '../../fixtures/admin/admin.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { authorize, obtainCode, obtainTokens, redeem } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, introspect, serviceToken } from '../../fixtures/clients/endpoints.ts'
import { type Answer, basic, bearer } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import {
  initialToken,
  METADATA,
  manage,
  registerClient,
  sendRegistration,
} from '../../fixtures/clients/registration.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { changedBy } from '../../fixtures/instance/changed-by.ts'
import { eventually } from '../../fixtures/instance/eventually.ts'
import { type Instance, PASSWORD } from '../../fixtures/instance/instance.ts'
import { SYNC, startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { query } from '../../fixtures/store/database.ts'
import { askPostgres, ONLY_ON_POSTGRES } from '../../fixtures/store/postgres.ts'
import { atOnce, whileItWaits } from '../../fixtures/store/while-waiting.ts'
import { API, askForSession, callApi, liveSessions, sendTouches, serveApi } from '../../fixtures/tokens/api-sessions.ts'
import { changeApp, issue } from '../../fixtures/tokens/reference-tokens.ts'

const CONSOLE = 'my.admin/console'
const CONSOLE_REDIRECT = 'https://admin.example.com/cb'

/** What a request is told that a switch overtook. */
interface Refused {
  readonly status: 401 | 403
  readonly rule: string
}

const { instance, david } = await startWorld(t, { TESSERA_REGISTRATION: 'token' })
const { store } = instance.core
const { read } = store
for (const app of [WEB, SYNC]) await changeApp(instance, app, { accessTokens: 'AuthenticatedUsers' })
await addTool(instance)
await addConsole(instance)
await instance.addUser({ login: 'eva', isAdmin: true })

async function addConsole(where: Instance, applicationUri = CONSOLE): Promise<void> {
  await where.addApp({
    applicationUri,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [CONSOLE_REDIRECT],
    scope: ['sec'],
    administrationAllowed: true,
    accessTokens: 'AuthenticatedUsers',
  })
}

async function consoleToken(where: Instance, login: string, app = CONSOLE): Promise<string> {
  const request = { client_id: app, redirect_uri: CONSOLE_REDIRECT, scope: 'openid sec' }
  const code = await obtainCode(where, request, { login })
  return tokensOf(await redeem(where, code, { redirect_uri: CONSOLE_REDIRECT }, basic(app))).access_token
}

/** The rule of the refusal that was kept under the id in an answer. */
function ruleOf(id: unknown): unknown {
  const kept = instance.log.find((record) => record['refusal'] === id)
  return (kept?.['cause'] as { rule?: string } | undefined)?.rule
}

const NEW_ADMINISTRATOR = { login: 'mallory', type: 'InternalUser', isAdmin: true, password: PASSWORD }
const makesAdministrator = (token: string) => (): Promise<Answer> =>
  createAdminApi(instance, token).post('/users', NEW_ADMINISTRATOR)

async function isRefused(t: Test, answer: Answer, { status, rule }: Refused): Promise<void> {
  t.equal(answer.status, status, answer.text)
  t.equal(ruleOf(answer.json['refusal_id']), rule)
  t.equal(await read.users.findByIdentifier('mallory'), undefined, 'nothing is done')
}

const ENDED = { status: 401, rule: 'access-token-ended' } as const
const REVOKED = { status: 401, rule: 'access-token-revoked' } as const
const NOTHING = async (): Promise<void> => undefined

/** Changes the record of an app in a unit of work. */
async function edit({ apps }: Repositories, uri: string, changes: Partial<AppRegistration>): Promise<void> {
  await apps.update({ ...registrationOf(await requireApp({ apps }, uri)), ...changes }, instance.now())
}

await t.test('PT-07: an app that administers is checked again when its turn comes', async (t) => {
  type Turn = (unit: Repositories, app: string, systemUser: string) => Promise<unknown>
  const now = instance.now()
  const cases: Readonly<Record<string, Refused & { readonly turn: Turn; readonly format?: 'reference' }>> = {
    'it is disabled': { turn: ({ apps }, app) => apps.setEnabled(app, false, now), ...ENDED },
    'it is disabled, its token opaque': {
      turn: ({ apps }, app) => apps.setEnabled(app, false, now),
      ...ENDED,
      format: 'reference',
    },
    'it is disabled and enabled again': {
      async turn({ apps }, app) {
        await apps.setEnabled(app, false, now)
        await apps.setEnabled(app, true, now)
      },
      ...ENDED,
    },
    'it is removed': { turn: ({ apps }, app) => apps.remove(app, now), ...ENDED },
    'its System User is disabled': { turn: ({ users }, _, id) => users.setEnabled(id, false, now), ...ENDED },
    'its session is ended with its tokens': {
      turn: (unit, _, id) => endSessionsOfUser(unit, { id }, true, changedBy('test', now)),
      ...ENDED,
    },
    'it loses the mark': {
      turn: (unit, app) => edit(unit, app, { administrationAllowed: false }),
      status: 403,
      rule: 'administration-app-unmarked',
    },
    'it loses the scope': {
      turn: (unit, app) => edit(unit, app, { scope: ['read'] }),
      status: 403,
      rule: 'administration-scope-missing',
    },
  }
  for (const [index, [name, { turn, format, ...refused }]] of Object.entries(cases).entries())
    await t.test(name, async (t) => {
      const app = await addTool(instance, {
        applicationUri: `my.admin/tool${index}`,
        accessTokenFormat: format ?? 'jwt',
      })
      const { systemUser = '' } = (await read.apps.find(app)) ?? {}
      const send = makesAdministrator(await serviceToken(instance, app))
      await isRefused(t, await whileItWaits(instance, (unit) => turn(unit, app, systemUser), send), refused)
    })

  await t.test('its token is revoked, or expires', async (t) => {
    const token = await serviceToken(instance, TOOL)
    const { jti, exp } = claimsOf(token)
    const revoke = ({ revokedAccessTokens }: Repositories) =>
      revokedAccessTokens.add(digest(String(jti)), Number(exp) * 1000)
    await isRefused(t, await whileItWaits(instance, revoke, makesAdministrator(token)), REVOKED)
    const late = makesAdministrator(await serviceToken(instance, TOOL))
    const meanwhile = (): void => instance.advance(2 * HOUR)
    await isRefused(t, await whileItWaits(instance, NOTHING, late, { meanwhile }), {
      status: 401,
      rule: 'access-token-expired',
    })
  })

  await t.test('whom nothing ended goes on', async (t) => {
    const alive = makesAdministrator(await serviceToken(instance, TOOL))
    t.equal((await whileItWaits(instance, NOTHING, alive)).status, 201)
    t.equal((await createAdminApi(instance, await serviceToken(instance, TOOL)).remove('/users/mallory')).status, 204)
  })
})

await t.test('PT-08: an administrator is checked again when their turn comes', async (t) => {
  type Turn = (unit: Repositories, id: string, app: string) => Promise<unknown>
  const now = instance.now()
  const cases: Readonly<Record<string, Refused & { readonly turn: Turn }>> = {
    'they are disabled': { turn: ({ users }, id) => users.setEnabled(id, false, now), ...ENDED },
    // Nothing is left of a sign-in of somebody who was removed.
    'they are removed': { turn: ({ users }, id) => users.remove(id, now), ...REVOKED },
    'they have a new password': { turn: ({ users }, id) => users.setPassword(id, 'another hash', now), ...ENDED },
    'they are no longer an administrator': {
      async turn({ users }, id) {
        await users.update({ ...(await requireUser({ users }, id)), isAdmin: false }, now)
      },
      status: 403,
      rule: 'administration-user-no-administrator',
    },
    'their consent is taken back': {
      turn: (unit, user, app) => withdrawConsent(unit, { user, app }, changedBy('test', now)),
      ...REVOKED,
    },
    'their sessions are ended with the tokens': {
      turn: (unit, id) => endSessionsOfUser(unit, { id }, true, changedBy('test', now)),
      ...REVOKED,
    },
    'the app is disabled': { turn: ({ apps }, _, app) => apps.setEnabled(app, false, now), ...ENDED },
  }
  for (const [index, [name, { turn, ...refused }]] of Object.entries(cases).entries())
    await t.test(name, async (t) => {
      const { id, login } = await instance.addUser({ login: `eva${index}`, isAdmin: true })
      const app = `my.admin/console${index}`
      await addConsole(instance, app)
      const send = makesAdministrator(await consoleToken(instance, login, app))
      await isRefused(t, await whileItWaits(instance, (unit) => turn(unit, id, app), send), refused)
    })
  await t.test('their personal access token is revoked', async (t) => {
    const { token, value } = await issue(instance, { kind: 'PAT', app: CONSOLE, user: 'eva', scope: 'sec' })
    const revoke = ({ referenceTokens }: Repositories) => referenceTokens.revoke(token.id, instance.now())
    await isRefused(t, await whileItWaits(instance, revoke, makesAdministrator(value)), REVOKED)
  })
})

await t.test('PT-07: every change of the administration API is checked again', async (t) => {
  let api = createAdminApi(instance, await serviceToken(instance, TOOL))
  const web = await obtainTokens(instance)
  await serveApi(instance)
  const { session_id } = await callApi(instance, web.access_token)
  const secret = String((await api.post(`${appPath(WEB)}/secrets`, {})).json['Id'])
  const pat = await issue(instance, { kind: 'PAT', app: WEB, user: 'david' })
  const [{ kid } = { kid: '' }] = (await api.get('/keys')).json['items'] as { kid: string }[]
  const initialToken = String((await api.post('/registration-tokens', {})).json['id'])
  const sid = String(claimsOf(web.access_token)['sid'])
  const changes: Readonly<Record<string, () => Promise<Answer>>> = {
    'POST /apps': () => api.post('/apps', { ApplicationUri: 'mallory', ClientType: 'Public' }),
    'PATCH /apps/:applicationUri': () => api.patch(appPath(WEB), { Name: 'Mallory' }),
    'DELETE /apps/:applicationUri': () => api.remove(appPath(WEB)),
    'POST /apps/:applicationUri/secrets': () => api.post(`${appPath(WEB)}/secrets`, {}),
    'DELETE /apps/:applicationUri/secrets/:secret': () => api.remove(`${appPath(WEB)}/secrets/${secret}`),
    'POST /apps/:applicationUri/tokens': () => api.post(`${appPath(SYNC)}/tokens`, { kind: 'SAT', scope: 'read' }),
    'DELETE /apps/:applicationUri/tokens/:id': () => api.remove(`${appPath(WEB)}/tokens/${pat.token.id}`),
    'DELETE /tokens/:id': () => api.remove(`/tokens/${pat.token.id}`),
    'POST /keys': () => api.post('/keys', { force: true }),
    'DELETE /keys/:kid': () => api.remove(`/keys/${kid}`),
    'POST /resources': () => api.post('/resources', { Identifier: 'urn:mallory', Scopes: ['mallory'] }),
    'PATCH /resources/:identifier': () => api.patch('/resources/DomainAPI', { Name: 'Mallory' }),
    'DELETE /resources/:identifier': () => api.remove('/resources/DomainAPI'),
    'POST /registration-tokens': () => api.post('/registration-tokens', {}),
    'DELETE /registration-tokens/:id': () => api.remove(`/registration-tokens/${initialToken}`),
    'DELETE /sessions/:id': () => api.remove(`/sessions/${session_id}?withTokens=true`),
    'DELETE /users/:user/sessions': () => api.remove('/users/david/sessions?withTokens=true'),
    'DELETE /sign-ins/:sid': () => api.remove(`/sign-ins/${sid}`),
    'DELETE /users/:user/sign-ins': () => api.remove('/users/david/sign-ins'),
    'PUT /license': () => api.put('/license', { slots: 1, reserved: [] }),
    'POST /apply': () =>
      api.call('POST', '/apply', { document: { settings: { AuditRetention: '1d' } } }, { 'if-match': '*' }),
    'PATCH /settings': () => api.patch('/settings', { AuditRetention: '1d' }),
    'POST /users': () => api.post('/users', NEW_ADMINISTRATOR),
    'PATCH /users/:user': () => api.patch('/users/david', { isAdmin: true }),
    'DELETE /users/:user': () => api.remove('/users/david'),
    'POST /users/:user/unlock': () => api.post('/users/david/unlock'),
    'PUT /users/:user/password': () => api.put('/users/david/password', { password: `${PASSWORD} anew` }),
    'DELETE /users/:user/consents/:applicationUri': () =>
      api.remove(`/users/david/consents/${encodeURIComponent(WEB)}`),
  }
  const described = (await api.get('/openapi.json')).json['paths'] as Record<string, Record<string, unknown>>
  const known = Object.entries(described).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => ['post', 'put', 'patch', 'delete'].includes(method))
      .map((method) => `${method.toUpperCase()} ${path.replace('/manage/api/v1', '').replace(/\{(\w+)\}/g, ':$1')}`),
  )
  // A plan changes nothing.
  const changing = known.filter((name) => name !== 'POST /plan')
  t.strictSame(Object.keys(changes).sort(), changing.sort(), 'each is here')
  for (const [name, send] of Object.entries(changes)) {
    await store.write(({ apps }) => apps.setEnabled(TOOL, true, instance.now()))
    api = createAdminApi(instance, await serviceToken(instance, TOOL))
    const way = name === 'POST /apply' ? 'writeStagedInTurn' : 'writeAlone'
    const disable = ({ apps }: Repositories) => apps.setEnabled(TOOL, false, instance.now())
    const answer = await whileItWaits(instance, disable, send, { way })
    t.equal(answer.status, 401, `${name} ${answer.text}`)
    t.equal(ruleOf(answer.json['refusal_id']), 'access-token-ended', name)
  }
  await store.write(({ apps }) => apps.setEnabled(TOOL, true, instance.now()))
  t.match(await read.users.find(david.id), { isAdmin: false, epoch: david.epoch })
  t.match(await read.apps.find(WEB), { name: 'Web shop', secrets: { length: 2 } })
  t.strictSame(await liveSessions(instance), [session_id])
  t.match((await introspect(instance, pat.value, basic(WEB))).json, { active: true })
  t.equal(await read.apps.find('mallory'), undefined)
})

const OWN = { origin: instance.origin, 'sec-fetch-site': 'same-origin' }

/** Somebody who has signed in at the web app. */
async function signIn(login: string, app = WEB) {
  const { id } = await instance.addUser({ login })
  const browser = createBrowser(instance.origin)
  await authorize(instance, { client_id: app, scope: 'openid' }, { login, browser })
  const profile = (method: string, path: string, body?: object) => () => {
    const type: Record<string, string> = body ? { 'content-type': 'application/json' } : {}
    const init = { method, headers: { ...OWN, ...type }, ...(body ? { body: JSON.stringify(body) } : {}) }
    return browser.request(`${instance.origin}/profile/api/v1${path}`, init)
  }
  return { id, browser, profile }
}

async function isSignedOut(t: Test, answer: Response): Promise<void> {
  t.equal(answer.status, 401)
  t.equal(ruleOf(((await answer.json()) as { refusal_id: string }).refusal_id), 'browser-session-missing')
}

await t.test('PT-08, RT-08: whoever is signed in is checked again when their turn comes', async (t) => {
  type Turn = (unit: Repositories, id: string) => Promise<unknown>
  const now = instance.now()
  const cases: Readonly<Record<string, Turn>> = {
    'they have a new password': ({ users }, id) => users.setPassword(id, 'another hash', now),
    'they are disabled': ({ users }, id) => users.setEnabled(id, false, now),
    async 'they are disabled and enabled again'({ users }, id) {
      await users.setEnabled(id, false, now)
      await users.setEnabled(id, true, now)
    },
    'they are removed': ({ users }, id) => users.remove(id, now),
    async 'they have signed out'({ sessions }, id) {
      const [row] = await query<{ sid: string }>(instance, 'select sid from sign_in_sessions where user_id = ?', id)
      t.ok(row)
      await sessions.end(row?.sid ?? '', now)
    },
  }
  for (const [index, [name, turn]] of Object.entries(cases).entries())
    await t.test(name, async (t) => {
      const { id, profile } = await signIn(`mia${index}`)
      const send = profile('POST', '/tokens', { app: WEB, scope: 'read' })
      await isSignedOut(t, await whileItWaits(instance, (unit) => turn(unit, id), send))
      t.strictSame(await read.referenceTokens.page({ user: id }, { limit: 10 }), [], 'no token is made')
    })

  await t.test('before they take something back as well', async (t) => {
    const { id, profile } = await signIn('noa')
    const { token } = await issue(instance, { kind: 'PAT', app: WEB, user: id })
    const anew = ({ users }: Repositories) => users.setPassword(id, 'another hash', now)
    await isSignedOut(t, await whileItWaits(instance, anew, profile('DELETE', `/tokens/${token.id}`)))
    t.equal((await read.referenceTokens.findById(token.id))?.revokedAt, undefined)
    const other = await signIn('lea')
    const off = ({ users }: Repositories) => users.setEnabled(other.id, false, now)
    const withdraw = other.profile('DELETE', `/consents/${encodeURIComponent(WEB)}`)
    await isSignedOut(t, await whileItWaits(instance, off, withdraw))
    matchesWhole(t, await read.consents.page({ userId: other.id }, { limit: 10 }), [{ applicationUri: WEB }])
  })
})

await t.test('RT-08: a sign-in whose password is being checked ends with that password', async (t) => {
  const { id } = await instance.addUser({ login: 'uma' })
  const browser = createBrowser(instance.origin)
  const page = await browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT }))
  const signsIn = () => browser.submit(page, 'login-submit', { username: 'uma', password: PASSWORD })
  const anew = ({ users }: Repositories) => users.setPassword(id, 'another hash', instance.now())
  const end = await whileItWaits(instance, anew, signsIn, { way: 'write' })
  t.ok(end.page.querySelector('#login-submit'), 'they sign in again')
  t.equal((await browser.request(`${instance.origin}/profile/api/v1/tokens`)).status, 401)
})

await t.test('RT-08, CS-10: a word on the consent page counts only while person and app are still there', async (t) => {
  const now = instance.now()
  const cases: Readonly<Record<string, (unit: Repositories, id: string, app: string) => Promise<unknown>>> = {
    'a new password': ({ users }, id) => users.setPassword(id, 'another hash', now),
    'the app is disabled': ({ apps }, _, app) => apps.setEnabled(app, false, now),
    'the app is removed': ({ apps }, _, app) => apps.remove(app, now),
  }
  for (const [index, [name, turn]] of Object.entries(cases).entries())
    await t.test(name, async (t) => {
      const app = `my.trusted.app/asking${index}`
      const shop = { impersonateAsInternalUserAllowed: true, impersonateLoginUrl: [WEB_REDIRECT], scope: ['read'] }
      await instance.addApp({ applicationUri: app, ...shop })
      const { id, browser } = await signIn(`ida${index}`, app)
      const before = await read.consents.page({ userId: id }, { limit: 10 })
      const wanted = { client_id: app, redirect_uri: WEB_REDIRECT, scope: 'openid read' }
      const page = await browser.open(authorizeUrl(instance, wanted))
      const approve = () => browser.submit(page, 'consent-approve')
      const end = await whileItWaits(instance, (unit) => turn(unit, id, app), approve)
      t.equal(end.leftTo, undefined)
      if (name === 'a new password') t.ok(end.page.querySelector('#username'), 'they sign in first')
      else t.equal(end.status, 400, end.url)
      t.strictSame(await read.consents.page({ userId: id }, { limit: 10 }), name === 'the app is removed' ? [] : before)
    })
})

await t.test('PT-07, AD-16: an app that registered itself is checked again when its turn comes', async (t) => {
  const { id, token } = await initialToken(instance, '--uses', '2')
  const client = await registerClient(instance, {}, bearer(token))
  const { client_id: uri } = client
  const setEnabled = (enabled: boolean) => (unit: Repositories) => unit.apps.setEnabled(uri, enabled, instance.now())
  const body = { ...METADATA, client_id: uri, client_name: 'Mallory' }
  for (const send of [() => manage(client, 'PUT', body), () => manage(client, 'DELETE')]) {
    t.equal((await whileItWaits(instance, setEnabled(false), send)).status, 401)
    await store.write(setEnabled(true))
  }
  t.match(await read.apps.find(uri), { name: METADATA.client_name })
  const end = ({ initialAccessTokens }: Repositories) => initialAccessTokens.remove(id)
  const registers = () => sendRegistration(instance, METADATA, bearer(token))
  t.equal((await whileItWaits(instance, end, registers)).status, 401)
  t.equal(await read.selfRegistrations.countUpTo(9), 1)
})

await t.test('PT-07: the first call of an API opens no session for a token that ended meanwhile', async (t) => {
  async function ask(turn: (unit: Repositories, claims: Record<string, unknown>) => Promise<unknown>) {
    const { access_token: token } = await obtainTokens(instance)
    await store.write(({ apiSessions }) => apiSessions.endAllOf(david.id, instance.now()))
    const answer = await whileItWaits(
      instance,
      (unit) => turn(unit, claimsOf(token)),
      () => askForSession(instance, token),
    )
    const { error } = answer.json as { error: string }
    t.strictSame(await liveSessions(instance), [])
    return `${answer.status} ${error}`
  }
  const now = instance.now()
  const revoked = ({ revokedAccessTokens }: Repositories, { jti, exp }: Record<string, unknown>) =>
    revokedAccessTokens.add(digest(String(jti)), Number(exp) * 1000)
  t.equal(await ask(revoked), '400 invalid_token')
  const ended = (unit: Repositories) => endSessionsOfUser(unit, david, true, changedBy('test', now))
  t.equal(await ask(ended), '400 invalid_token')
  const off = ({ apps }: Repositories) => apps.setEnabled(API, false, now)
  t.equal(await ask(off), '401 invalid_client', 'nor for an API that is off')

  await store.write(({ apps }) => apps.setEnabled(API, true, now))
  const { access_token: token } = await obtainTokens(instance)
  const { session_id: id } = await callApi(instance, token)
  const before = await read.apiSessions.find(id)
  instance.advance(30_000)
  const touch = () => sendTouches(instance, { touches: `${id}:0` })
  t.equal((await whileItWaits(instance, off, touch, { way: 'write' })).status, 401)
  t.strictSame(await read.apiSessions.find(id), before, 'nor is one kept alive')
})

await t.test('AD-18: however many administrators leave at once, one who can sign in remains', async (t) => {
  /** The logins of those who can administer, after everybody else has lost that. */
  async function administrators(...kept: readonly string[]): Promise<string[]> {
    const all = (await read.users.list()).filter(({ isAdmin }) => isAdmin)
    const others = kept.length === 0 ? [] : all.filter(({ login }) => !kept.includes(login))
    for (const user of others)
      await store.write(({ users }) => users.update({ ...user, isAdmin: false }, instance.now()))
    return all.filter((user) => user.isEnabled && !others.includes(user)).map(({ login }) => login)
  }
  const addTwo = async (first: string, second: string): Promise<void> => {
    for (const login of [first, second]) await instance.addUser({ login, isAdmin: true })
    t.strictSame((await administrators(first, second)).sort(), [first, second])
  }

  await t.test('two demote each other', async (t) => {
    await addTwo('olga', 'petra')
    const olga = createAdminApi(instance, await consoleToken(instance, 'olga'))
    const petra = createAdminApi(instance, await consoleToken(instance, 'petra'))
    const answers = await atOnce(instance, [
      () => olga.patch('/users/petra', { isAdmin: false }),
      () => petra.patch('/users/olga', { isAdmin: false }),
    ])
    t.strictSame(answers.map(({ status }) => status).sort(), [200, 403])
    t.equal((await administrators()).length, 1)
  })

  const leave: Readonly<Record<string, (login: string) => [method: 'PATCH' | 'DELETE', path: string, body?: object]>> =
    {
      'demotes them': (login) => ['PATCH', `/users/${login}`, { isAdmin: false }],
      'disables them': (login) => ['PATCH', `/users/${login}`, { isEnabled: false }],
      'removes them': (login) => ['DELETE', `/users/${login}`],
    }
  for (const [index, [name, orderFor]] of Object.entries(leave).entries())
    await t.test(`an app ${name}`, async (t) => {
      const two = [`rita${index}`, `sofia${index}`] as const
      await addTwo(...two)
      const api = createAdminApi(instance, await serviceToken(instance, TOOL))
      const without = `without${index}`
      // Neither administers by signing in, so neither counts.
      await instance.addUser({ login: `portal${index}`, isAdmin: true, type: 'ExternalCommunityUser' })
      t.equal((await api.post('/users', { login: without, type: 'InternalUser', isAdmin: true })).status, 201)
      const send = (login: string) => {
        const [method, path, body] = orderFor(login)
        return api.call(method, path, body, { 'if-match': '*' })
      }
      const answers = await atOnce(
        instance,
        two.map((login) => () => send(login)),
      )
      const refused = answers.filter(({ status }) => status >= 400)
      const errors = [{ attribute: 'isAdmin', reason: /^(rita|sofia)\d is the last administrator/ }]
      matchesWhole(t, refused, [{ status: 409, json: { errors } }])
      const [last = '', ...others] = (await administrators()).filter((login) => two.some((one) => one === login))
      t.strictSame(others, [])
      t.equal((await send(last)).status, 409, 'nor afterwards')
      t.ok([200, 204].includes((await send(without)).status), 'who cannot sign in may go')
    })

  await t.test('the command line can, and says what it has done', async (t) => {
    await addTwo('tina', 'ulla')
    const tessera = tesseraOn(instance)
    const warning =
      /^warning: no administrator is left who can sign in; appoint one with: tessera user update LOGIN --admin$/m
    const file = join(instance.folder, 'ulla.yaml')
    writeFileSync(file, 'users:\n  - login: ulla\n    isAdmin: false\n')
    for (const [command, leaves] of [
      ['user disable tina', false],
      [`plan ${file}`, true],
      [`apply ${file}`, true],
      ['user update ulla --admin', false],
      ['user update ulla --no-admin', true],
      ['user update ulla --admin', false],
      ['user disable ulla', true],
      ['user enable ulla', false],
      ['user remove ulla --yes', true],
    ] as const) {
      const { code, stderr } = await tessera(command.split(' '))
      t.equal(code, 0, `${command} ${stderr}`)
      if (leaves) t.match(stderr, warning, command)
      else t.notMatch(stderr, /administrator/, command)
    }
  })
})

await t.test('a personal access token that is being made ends with the rest', { skip: ONLY_ON_POSTGRES }, async (t) => {
  const waiting = () =>
    askPostgres<{ count: number }>(
      instance.databaseUrl,
      "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    )
  for (const command of [
    ['session', 'end', '--user', 'david', '--with-tokens'],
    ['consent', 'withdraw', '--user', 'david', '--app', WEB],
  ]) {
    await obtainTokens(instance)
    let ended: Promise<unknown> = Promise.resolve()
    const { writeAlone } = store
    store.writeAlone = (unit) => {
      store.writeAlone = writeAlone
      return writeAlone(async (repositories) => {
        const result = await unit(repositories)
        ended = tesseraOn(instance)(command)
        matchesWhole(t, await eventually(waiting, ([row]) => row?.count === 1), [{ count: 1 }], 'the command waits')
        return result
      })
    }
    const { value } = await issue(instance, { kind: 'PAT', app: WEB, user: david.id })
    t.match(await ended, { code: 0 })
    t.strictSame((await introspect(instance, value, basic(WEB))).json, { active: false }, command.join(' '))
  }
})
