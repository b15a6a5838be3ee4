import t, { type Test } from 'tap'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { refusedByRedirect } from '../../fixtures/answers/refusals.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { answerOf, authorize, obtainCode, obtainTokens, redeem } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl, requestServiceToken } from '../../fixtures/clients/endpoints.ts'
import { type Answer, basic, bearer, type Fields, postForm, send } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { OTHER, startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser, type View } from '../../fixtures/sign-in/browser.ts'

const { instance, david, anna } = await startWorld(t)
const tessera = tesseraOn(instance)
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

interface App {
  readonly applicationUri: string
  readonly redirectUri: string
}

async function addPairwise(applicationUri: string, redirectUri: string, sectorIdentifierUri?: string): Promise<App> {
  await instance.addApp({
    applicationUri,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [redirectUri],
    impersonateLogoutUrl: [`${redirectUri}/bye`],
    responseTypes: ['code', 'code id_token'],
    scope: ['read'],
    subjectType: 'pairwise',
    sectorIdentifierUri,
  })
  return { applicationUri, redirectUri }
}

const A = await addPairwise('pair/a', 'https://one.example.com/cb')
const B = await addPairwise('pair/b', 'https://one.example.com:8443/other')
const C = await addPairwise('pair/c', 'https://two.example.com/cb')
const D = await addPairwise('pair/d', 'https://two.example.com/cb', 'https://one.example.com/sector.json')

async function signIn(
  { applicationUri, redirectUri }: App,
  scope = 'openid profile offline_access read',
  login = 'david',
  browser = createBrowser(instance.origin),
  at = instance,
) {
  const asked = { client_id: applicationUri, redirect_uri: redirectUri, scope }
  const code = await obtainCode(at, asked, { login, browser })
  return tokensOf(await redeem(at, code, { redirect_uri: redirectUri }, basic(applicationUri)))
}
const json = async (response: Promise<Answer>) => (await response).json as Record<string, unknown>
const get = (url: string, token: string) => json(send(url, { headers: bearer(token) }))
const post = (path: string, fields: Fields, app: string) =>
  json(postForm(`${instance.issuer}/connect/${path}`, fields, basic(app)))

const subOf = async (app: App, login = 'david'): Promise<string> =>
  String(claimsOf((await signIn(app, 'openid', login)).id_token)['sub'])

await t.test('one sub for a sector, another one for every other sector, person and public app', async (t) => {
  const [a, b, c, d] = [await subOf(A), await subOf(B), await subOf(C), await subOf(D)]
  t.match(a, UUID, 'as long as ids are, and told apart from them by its version')
  t.equal(b, a, 'the host counts, not its port')
  t.not(c, a)
  t.equal(d, a, 'the sector identifier names the sector, whatever the redirect URI')
  t.not(await subOf(A, 'anna'), a)
  t.notOk([david.id, anna.id].includes(a))
  const restarted = await subOf(A)
  t.equal(restarted, a, 'always the same')
  const ids = await obtainTokens(instance, { scope: 'openid' })
  t.equal(claimsOf(ids.id_token)['sub'], david.id, 'a public app has the stable id')
})

await t.test('every answer to the app says the same sub, and none the stable id', async (t) => {
  const tokens = await signIn(A)
  const sub = claimsOf(tokens.id_token)['sub']
  const told: Record<string, Record<string, unknown>> = {
    'ID token': claimsOf(tokens.id_token),
    'access token': claimsOf(tokens.access_token),
    userinfo: await get(`${instance.issuer}/connect/userinfo`, tokens.access_token),
    'introspected access token': await post('introspect', { token: tokens.access_token }, A.applicationUri),
    'introspected refresh token': await post('introspect', { token: tokens.refresh_token }, A.applicationUri),
  }
  const refreshed = await post(
    'token',
    { grant_type: 'refresh_token', refresh_token: tokens.refresh_token },
    A.applicationUri,
  )
  told['refreshed ID token'] = claimsOf(String(refreshed['id_token']))
  for (const [what, claims] of Object.entries(told)) {
    t.equal(claims['sub'], sub, what)
    t.notOk('id' in claims || 'username' in claims, `${what} names nobody otherwise`)
    t.notMatch(JSON.stringify(claims), david.id, what)
  }
  const me = await get(`${instance.origin}/profile/me`, tokens.access_token)
  t.match(me, { id: sub, login: 'david', name: 'David Miller' })
  const bare = await signIn(A, 'openid')
  matchesWhole(t, await get(`${instance.origin}/profile/me`, bare.access_token), { id: sub, login: null, name: null })
})

await t.test('the ID token of a hybrid answer says the same', async (t) => {
  const view = await authorize(instance, {
    client_id: A.applicationUri,
    redirect_uri: A.redirectUri,
    response_type: 'code id_token',
    nonce: 'n-0S6_WzA2Mj',
  })
  t.equal(claimsOf(answerOf(view).get('id_token') ?? '')['sub'], await subOf(A))
})

await t.test('an API that asks learns who acts; the app that got the token does not', async (t) => {
  const api = await instance.addApp({ applicationUri: 'pair/api' })
  const served = await tessera(['resource', 'update', 'DomainAPI', '--resource-server', api.applicationUri])
  t.equal(served.code, 0, served.stderr)
  const { access_token, id_token } = await signIn(A)
  const { sub } = claimsOf(id_token)
  t.match(await post('introspect', { token: access_token }, 'pair/api'), { sub, id: david.id, username: 'david' })
  t.match(await post('session', { token: access_token }, 'pair/api'), { subject: sub })
  const pat = await instance.addApp({
    applicationUri: 'pair/pat',
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: ['https://pat.example.com/cb'],
    scope: ['read'],
    accessTokens: 'AuthenticatedUsers',
    subjectType: 'pairwise',
  })
  const flags = ['--user', 'david', '--app', pat.applicationUri, '--scope', 'read', '--json']
  const made = await tessera(['token', 'issue-pat', ...flags])
  const { token } = JSON.parse(made.stdout) as { token: string }
  t.equal((await post('introspect', { token }, 'pair/api'))['id'], david.id)
  t.notMatch(await post('introspect', { token }, 'pair/pat'), { id: david.id })
})

async function silently(app: App, hint: string, browser = createBrowser(instance.origin)): Promise<View> {
  const parameters = { prompt: 'none', id_token_hint: hint, scope: 'openid', state: 's' }
  return browser.open(
    authorizeUrl(instance, { client_id: app.applicationUri, redirect_uri: app.redirectUri, ...parameters }),
  )
}

await t.test('id_token_hint: of the sector it counts, of another one it tells nothing', async (t) => {
  const browser = createBrowser(instance.origin)
  const { id_token: own } = await signIn(A, 'openid', 'david', browser)
  const { id_token: other } = await signIn(C, 'openid', 'david', browser)
  const { id_token: stable } = await obtainTokens(instance, { scope: 'openid' }, { browser })
  t.ok(answerOf(await silently(A, own, browser)).get('code'))
  for (const hint of [other, stable])
    refusedByRedirect(t, instance, await silently(A, hint, browser), {
      error: 'login_required',
      description: 'nobody is signed in, or they must sign in again',
      state: 's',
    })
  refusedByRedirect(t, instance, await silently({ applicationUri: WEB, redirectUri: WEB_REDIRECT }, own, browser), {
    error: 'login_required',
    description: 'nobody is signed in, or they must sign in again',
    state: 's',
  })
})

async function signsOutAtOnce(t: Test, hint: string, browser = createBrowser(instance.origin)): Promise<boolean> {
  const view = await browser.open(endSessionUrl(instance, { id_token_hint: hint }))
  t.equal(view.status, 200)
  return view.page.querySelector('#logout-confirm') === null
}

await t.test('the hint of a pairwise app signs the person out without asking', async (t) => {
  const browser = createBrowser(instance.origin)
  const { id_token: hint } = await signIn(A, 'openid', 'david', browser)
  const annas = createBrowser(instance.origin)
  await signIn(C, 'openid', 'anna', annas)
  t.notOk(await signsOutAtOnce(t, hint, annas), 'not somebody else')
  t.ok(await signsOutAtOnce(t, hint, browser))
})

await t.test('redirect URIs on several hosts need a sector identifier', async (t) => {
  const two = 'ImpersonateLoginUrl=https://one.example.com/cb,https://two.example.com/cb'
  const update = (...set: string[]) => tessera(['app', 'update', OTHER, ...set.flatMap((one) => ['--set', one])])
  const refused = await update('SubjectType=pairwise', two)
  t.equal(refused.code, 2)
  t.match(
    refused.stderr,
    /SectorIdentifierUri: is required for pairwise subjects, as the redirect URIs are not all on one host/,
  )
  const named = await update('SubjectType=pairwise', two, 'SectorIdentifierUri=https://one.example.com/sector.json')
  t.equal(named.code, 0, named.stderr)
  t.equal((await update('SectorIdentifierUri=ftp://one.example.com/sector.json')).code, 2)
})

await t.test('a private-use scheme takes no host for its sector, whatever its URI says', async (t) => {
  const taken = 'com.evil.app://one.example.com/cb'
  const native = ['app', 'register', 'pair/taken', '--spa', '--set', 'SubjectType=pairwise', '--redirect-uri', taken]
  const faults = /SectorIdentifierUri: is required for pairwise subjects, as the redirect URIs are not all on one host/
  for (const more of [[], ['--redirect-uri', 'https://one.example.com/cb']])
    t.match(await tessera([...native, ...more]), { code: 2, stderr: faults })
  const before = await addPairwise('pair/before', taken)
  t.not(await subOf(before), await subOf(A), 'nor one that was registered before')
})

await t.test('a sub of its own also where others are called by their login', async (t) => {
  const { instance: compat } = await startWorld(t, { TESSERA_COMPAT_SUBJECT_LOGIN: 'true' })
  await compat.addApp({
    applicationUri: 'pair/a',
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [A.redirectUri],
    subjectType: 'pairwise',
  })
  const tokens = await signIn(A, 'openid', 'david', createBrowser(compat.origin), compat)
  t.match(claimsOf(tokens.id_token)['sub'], UUID)
})

await t.test('discovery offers both', async (t) => {
  const metadata = await json(send(`${instance.issuer}/.well-known/openid-configuration`))
  t.strictSame(metadata['subject_types_supported'], ['public', 'pairwise'])
})

await t.test('a service is called by its client_id, whatever its SubjectType', async (t) => {
  const { id } = await instance.addUser({ login: 'svc.pair', type: 'SystemUserNoLogin' })
  const service = { systemUserAllowed: true, systemUser: id, scope: ['read'], subjectType: 'pairwise' as const }
  await instance.addApp({ applicationUri: 'pair/service', ...service })
  const answer = await json(requestServiceToken(instance, basic('pair/service')))
  t.match(claimsOf(String(answer['access_token'])), { sub: 'pair/service', client_system_user_id: id })
})
