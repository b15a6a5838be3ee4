import t from 'tap'
import { auditOf, isProblem, startAdminApi, TOOL } from '../../fixtures/admin/admin.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraOn, words } from '../../fixtures/cli/cli.ts'
import { obtainCode, obtainTokens, redeem, refresh } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, introspect, serviceToken, userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic, bearer } from '../../fixtures/clients/http.ts'
import { OTHER, OTHER_REDIRECT, startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { type Browser, createBrowser } from '../../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../../fixtures/sign-in/sign-in.ts'
import { callApi, liveSessions, serveApi } from '../../fixtures/tokens/api-sessions.ts'
import { changeApp, issue } from '../../fixtures/tokens/reference-tokens.ts'

const { instance, david, anna } = await startWorld(t)
await changeApp(instance, WEB, { accessTokens: 'AuthenticatedUsers' })
await serveApi(instance)
const admin = await startAdminApi(instance)
const OWN = { origin: instance.origin, 'sec-fetch-site': 'same-origin' }
const CONSENTS = `${instance.origin}/profile/api/v1/consents`
const ofApp = (app: string): string => `/${encodeURIComponent(app)}`
const toWeb = { client_id: WEB, redirect_uri: WEB_REDIRECT }
const toOther = { client_id: OTHER, redirect_uri: OTHER_REDIRECT }

async function consenting(login: string, ...requests: readonly (typeof toWeb)[]): Promise<Browser> {
  const browser = createBrowser(instance.origin)
  for (const request of requests) {
    instance.advance(1000)
    await signInAndConsent(browser, await browser.open(authorizeUrl(instance, request)), login)
  }
  return browser
}

async function call(browser: Browser, method: string, path = '', headers: Record<string, string> = OWN) {
  const answer = await browser.request(`${CONSENTS}${path}`, { method, headers })
  const text = await answer.text()
  const json = (text === '' ? {} : JSON.parse(text)) as { items: { app: string }[]; type?: string; detail?: string }
  return { status: answer.status, headers: answer.headers, json }
}

const appsOf = async (browser: Browser): Promise<string[]> =>
  (await call(browser, 'GET')).json.items.map(({ app }) => app)

/** Whether each kind of token that an app holds of a person still opens something. */
async function whatLives(
  { access_token: access, refresh_token: renew }: Awaited<ReturnType<typeof obtainTokens>>,
  pat: string,
) {
  const told = await userinfo(instance, access)
  return {
    userinfo: told.status === 200,
    access: (await introspect(instance, access, basic(WEB))).json['active'],
    pat: (await introspect(instance, pat, basic(WEB))).json['active'],
    refresh: (await refresh(instance, renew)).status === 200,
  }
}
const withdrawals = async () =>
  (await auditOf(instance, { user: david.id })).filter(({ event }) => event === 'consent_withdrawn')
const ALL = { userinfo: true, access: true, pat: true, refresh: true }
const NONE = { userinfo: false, access: false, pat: false, refresh: false }

await t.test('CS-10: a person sees what they allowed, and takes it back', async (t) => {
  const browser = await consenting('david', toOther, toWeb)
  const tokens = await obtainTokens(instance)
  const others = await obtainTokens(instance, {}, { login: 'anna' })
  const pat = (await issue(instance, { kind: 'PAT', user: david.id, app: WEB })).value
  const hers = (await issue(instance, { kind: 'PAT', user: anna.id, app: WEB })).value
  const elsewhere = await obtainCode(instance, toOther, { browser })
  const codeOfAnna = await obtainCode(instance, {}, { login: 'anna' })
  const sessions = {
    mine: await callApi(instance, tokens.access_token),
    sync: await callApi(instance, await serviceToken(instance)),
    hers: await callApi(instance, others.access_token),
  }
  const listed = await call(browser, 'GET')
  t.equal(listed.headers.get('cache-control'), 'no-store')
  matchesWhole(t, listed.json.items, [
    { app: WEB, name: 'Web shop', user: 'david', scope: /openid/, granted_at: new Date(instance.now()).toISOString() },
    { app: OTHER, user: 'david', granted_at: new Date(instance.now() - 1000).toISOString() },
  ])

  const first = await call(browser, 'GET', '?limit=1')
  matchesWhole(t, first.json.items, [{ app: WEB }], 'a page at a time, the newest first')
  const [, rest = ''] = /^<[^>]*consents(\?[^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '') ?? []
  matchesWhole(t, (await call(browser, 'GET', rest)).json, { items: [{ app: OTHER }], next: null }, 'and the rest')

  const page = await call(browser, 'DELETE', ofApp(WEB), {
    'sec-fetch-site': 'cross-site',
    origin: 'https://evil.test',
  })
  t.equal(page.status, 403, 'no other site can do it for them')
  t.match(await whatLives(await obtainTokens(instance), pat), ALL)

  t.equal((await call(browser, 'DELETE', ofApp(WEB))).status, 204)
  t.strictSame(await whatLives(tokens, pat), NONE, 'in the same moment')
  t.strictSame(
    (await liveSessions(instance)).sort(),
    [sessions.sync.session_id, sessions.hers.session_id].sort(),
    'its API session, and the licence slot, is gone as well',
  )
  t.strictSame(await whatLives(others, hers), ALL, 'what others allowed stays')
  t.equal((await redeem(instance, codeOfAnna)).status, 200, 'and so do codes, of others')
  t.equal(
    (await redeem(instance, elsewhere, { redirect_uri: OTHER_REDIRECT }, basic(OTHER))).status,
    200,
    'and of other apps',
  )
  t.strictSame(await appsOf(browser), [OTHER], 'as does what another app was allowed')
  matchesWhole(t, await withdrawals(), [
    { app: WEB, actor: `user:${david.id}`, detail: { scope: /openid/, referenceTokens: 1 } },
  ])

  const silent = await browser.open(authorizeUrl(instance, { ...toWeb, prompt: 'none' }))
  t.equal(silent.leftTo?.searchParams.get('error'), 'consent_required', 'they are signed in, and are asked again')
  const again = await call(browser, 'DELETE', ofApp(WEB))
  t.match(again, {
    status: 404,
    json: { type: 'urn:tessera:problem:not-found', detail: /no consent to .*web is on record/ },
  })
})

await t.test('nobody sees or takes back what somebody else allowed', async (t) => {
  const [mine, hers] = [await consenting('david', toWeb), await consenting('anna', toOther)]
  t.notOk(
    (await appsOf(hers)).includes(WEB) &&
      (await call(hers, 'GET')).json.items.some((item) => 'user' in item && item.user === 'david'),
  )
  await admin.remove(`/users/anna/consents${ofApp(WEB)}`)
  t.equal((await call(hers, 'DELETE', ofApp(WEB))).status, 404)
  t.ok((await appsOf(mine)).includes(WEB))
  t.equal((await fetch(CONSENTS)).status, 401)
  const { access_token } = await obtainTokens(instance)
  t.equal((await fetch(CONSENTS, { headers: bearer(access_token) })).status, 401, 'nor does a token of the person')
})

await t.test('an administrator does it for a person', async (t) => {
  await consenting('david', toWeb)
  const tokens = await obtainTokens(instance)
  const pat = (await issue(instance, { kind: 'PAT', user: david.id, app: WEB })).value
  const { items } = (await admin.get('/users/david/consents')).json as { items: unknown[] }
  matchesWhole(t, items, [{ app: WEB, user: 'david' }, { app: OTHER }])
  t.equal((await admin.remove(`/users/david@example.com/consents${ofApp(WEB)}`)).status, 204)
  t.strictSame(await whatLives(tokens, pat), NONE)
  t.match((await withdrawals()).at(-1), { actor: `app:${TOOL}`, app: WEB })
  for (const path of [
    `/users/david/consents${ofApp(WEB)}`,
    '/users/david/consents/nothing',
    `/users/x/consents${ofApp(WEB)}`,
  ])
    isProblem(t, instance, await admin.remove(path), { status: 404, type: 'not-found' })
  isProblem(t, instance, await admin.get('/users/nobody/consents'), { status: 404, type: 'not-found' })
})

await t.test('tessera consent', async (t) => {
  const tessera = tesseraOn(instance)
  await Promise.all([consenting('david', toWeb), consenting('anna', toWeb)])
  const tokens = await obtainTokens(instance)
  const all = (await documentOf(tessera(words('consent list --json')))) as unknown as { app: string; user: string }[]
  t.ok(all.some(({ app, user }) => app === WEB && user === 'anna'))
  matchesWhole(t, await documentOf(tessera(words(`consent list --user david --app ${WEB} --json`))), [
    { app: WEB, user: 'david' },
  ])
  t.match(await tessera(words('consent list --user david')), { code: 0, stdout: /^APP +USER +ALLOWED +SINCE\n/ })
  const withdraw = `consent withdraw --user david --app ${WEB}`
  const { code, stdout } = await tessera(words(withdraw))
  t.match(
    { code, stdout },
    { code: 0, stdout: /^david no longer allows .*web: .*openid.*\nEnded: the tokens of \d+ sign-ins?/ },
  )
  t.equal((await refresh(instance, tokens.refresh_token)).status, 400)
  t.match(await tessera(words(withdraw)), { code: 1, stderr: /no consent to .*web is on record/ })
  t.match(await tessera(words('consent withdraw --user david')), { code: 2, stderr: /--app/ })
  t.match(await tessera(words('consent list --user davd')), { code: 1, stderr: /did you mean david\?/ })
})
