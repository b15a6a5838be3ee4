import t, { type Test } from 'tap'
import { type Refusal, refusedByPage } from '../../fixtures/answers/refusals.ts'
import { answerOf, authorize, obtainTokens, refresh } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, introspect, userinfo } from '../../fixtures/clients/endpoints.ts'
import { encode, type HeaderFields } from '../../fixtures/clients/http.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { startWorld, WEB, WEB_BYE, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { type Browser, createBrowser, type View } from '../../fixtures/sign-in/browser.ts'

const { instance, david } = await startWorld(t)
const endpoint = `${instance.issuer}/connect/endsession`
const DONE = `${instance.issuer}/logout/signed-out`
const MINUTE = 60_000
const OWN_PAGE = { origin: instance.origin, 'sec-fetch-site': 'same-origin' }
const FORBIDDEN: Refusal = {
  status: 403,
  error: 'access_denied',
  description: 'this form was not sent from its own page; go back, reload and try again',
}

async function signedIn(login = 'david') {
  const browser = createBrowser(instance.origin)
  return { browser, tokens: await obtainTokens(instance, {}, { login, browser }) }
}

const end = (browser: Browser, fields: Readonly<Record<string, string>> = {}): Promise<View> =>
  browser.open(`${endpoint}?${encode(fields)}`)
const actionOf = (view: View): string => view.page.querySelector('form')?.getAttribute('action') ?? ''
const csrfOf = (view: View): string => view.page.querySelector('input[name=csrf]')?.getAttribute('value') ?? ''
const post = (browser: Browser, action: string, csrf: string | undefined, headers: HeaderFields): Promise<View> =>
  browser.follow(action, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: encode({ csrf }).toString(),
  })

async function isSignedIn(browser: Browser): Promise<boolean> {
  const request = { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'none' }
  return answerOf(await browser.open(authorizeUrl(instance, request))).has('code')
}

const signOuts = (): unknown[] =>
  instance.log.map(({ audit }) => audit).filter((audit) => (audit as { event?: string })?.event === 'sign_out')

await t.test('LO-01 only its own form signs a person out', async (t) => {
  const { browser } = await signedIn()
  const page = await end(browser)
  const [action, csrf] = [actionOf(page), csrfOf(page)]
  const foreign: [HeaderFields, string][] = [
    [{ origin: 'https://evil.test' }, 'Origin is https://evil.test'],
    [{ ...OWN_PAGE, origin: 'https://evil.test' }, 'Origin is https://evil.test'],
    [{ 'sec-fetch-site': 'cross-site' }, 'Sec-Fetch-Site is cross-site'],
    [{ ...OWN_PAGE, 'sec-fetch-site': 'same-site' }, 'Sec-Fetch-Site is same-site'],
    [{ origin: 'null' }, 'Origin is null'],
  ]
  for (const [headers, cause] of foreign) {
    refusedByPage(t, instance, await post(browser, action, csrf, headers), { ...FORBIDDEN, cause: { cause } })
  }
  const stranger = await end((await signedIn()).browser)
  const wrong = { ...FORBIDDEN, cause: { cause: 'the csrf field does not belong to this form and browser' } }
  for (const field of [undefined, '', 'x', csrfOf(await end(browser)), csrfOf(stranger), csrf.slice(1)]) {
    refusedByPage(t, instance, await post(browser, action, field, OWN_PAGE), wrong)
  }
  refusedByPage(t, instance, await post(browser, actionOf(stranger), csrfOf(stranger), OWN_PAGE), wrong)
  const none = { ...FORBIDDEN, cause: { cause: 'the browser sent no cookie' } }
  refusedByPage(t, instance, await post(createBrowser(instance.origin), action, csrf, OWN_PAGE), none)
  t.ok(await isSignedIn(browser))
  t.equal((await post(browser, action, csrf, OWN_PAGE)).url, DONE)
  t.notOk(await isSignedIn(browser))
})

await t.test('a sign-out is audited once, with whose it was', async (t) => {
  const { browser, tokens } = await signedIn()
  const before = signOuts().length
  await end(browser, { id_token_hint: tokens.id_token })
  await end(browser, { id_token_hint: tokens.id_token })
  t.equal(signOuts().length, before + 1)
  t.match(signOuts().at(-1), { user: david.id, detail: { session: /./ } })
})

await t.test('LO-09 pressed twice, in two tabs, and after somebody else signed in', async (t) => {
  const { browser } = await signedIn()
  const tabs = [await end(browser, { client_id: WEB, post_logout_redirect_uri: WEB_BYE }), await end(browser)]
  const [first, second] = tabs as [View, View]
  t.equal((await browser.submit(first, 'logout-confirm')).leftTo?.href, WEB_BYE)
  t.equal((await browser.submit(first, 'logout-confirm')).leftTo?.href, WEB_BYE)
  t.equal((await browser.submit(second, 'logout-confirm')).url, DONE)
  t.equal((await browser.open(second.url)).url, DONE, 'nor does reloading the page ask again')

  const davids = await signedIn()
  await authorize(instance, { prompt: 'login' }, { login: 'anna', browser: davids.browser })
  const page = await end(davids.browser, { id_token_hint: davids.tokens.id_token })
  t.match(page.page.querySelector('.person')?.text, /Anna Berg/, 'his hint does not end her session')
  t.ok(await isSignedIn(davids.browser))
})

await t.test('the link lives 15 minutes, and cannot be made up', async (t) => {
  const { browser, tokens } = await signedIn()
  const page = await end(browser)
  instance.advance(15 * MINUTE)
  t.equal((await browser.open(page.url)).status, 200)
  instance.advance(1)
  const expired: Refusal = {
    status: 400,
    error: 'interaction_expired',
    description: 'this sign-out link is no longer valid',
  }
  const late = await browser.open(page.url)
  refusedByPage(t, instance, late, expired)
  t.equal(late.page.querySelector('a.button')?.getAttribute('href'), endpoint)
  refusedByPage(t, instance, await browser.submit(page, 'logout-confirm'), expired)

  const interaction = new URL((await end(browser, { client_id: WEB })).url).searchParams.get('interaction') ?? ''
  const login = await browser.open(
    authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'login' }),
  )
  const flip = `${interaction.slice(0, 30)}${interaction[30] === 'A' ? 'B' : 'A'}${interaction.slice(31)}`
  const foreign = [
    flip,
    interaction.slice(1),
    'x',
    tokens.id_token,
    new URL(login.url).searchParams.get('interaction') ?? '',
  ]
  for (const interaction of foreign) {
    const url = `${instance.issuer}/logout?${new URLSearchParams({ interaction })}`
    refusedByPage(t, instance, await browser.open(url), expired)
    refusedByPage(t, instance, await post(browser, url, 'x', OWN_PAGE), expired)
  }
  refusedByPage(t, instance, await browser.open(`${instance.issuer}/logout`), {
    status: 400,
    error: 'invalid_request',
    description: 'parameter is missing: interaction',
  })
  t.ok(await isSignedIn(browser))
})

await t.test('a parameter sent twice is refused, by GET and POST', async (t) => {
  const { browser } = await signedIn()
  const twice = new URLSearchParams([
    ['state', 'a'],
    ['state', 'b'],
  ]).toString()
  const refusal: Refusal = { status: 400, error: 'invalid_request', description: 'parameter is repeated: state' }
  refusedByPage(t, instance, await browser.open(`${endpoint}?${twice}`), refusal)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  refusedByPage(t, instance, await browser.follow(endpoint, { method: 'POST', headers, body: twice }), refusal)
  t.ok(await isSignedIn(browser))
})

await t.test('the refresh tokens of the apps live on: offline access means without the person', async (t) => {
  const { browser, tokens } = await signedIn()
  await end(browser, { id_token_hint: tokens.id_token })
  t.notOk(await isSignedIn(browser))
  t.equal((await userinfo(instance, tokens.access_token)).status, 401)
  const introspection = await introspect(instance, tokens.refresh_token)
  t.match(introspection.json, { active: true, token_type: 'refresh_token' })
  const next = tokensOf(await refresh(instance, tokens.refresh_token))
  t.equal((await userinfo(instance, next.access_token)).status, 200)
  t.notOk(await isSignedIn(browser), 'and none of it signs the person in again')
})

await t.test('languages, from the request to the last page', async (t) => {
  const words: [string, string, string][] = [
    ['en', 'Sign out?', 'You are signed out'],
    ['de', 'Abmelden?', 'Sie sind abgemeldet'],
    ['bg', 'Изход?', 'Излязохте успешно'],
  ]
  for (const [ui_locales, asked, done] of words) {
    await checkLanguage(t, ui_locales, [asked, done])
  }
  const view = await createBrowser(instance.origin).follow(DONE, { headers: { 'accept-language': 'de' } })
  t.equal(view.headers.get('content-language'), 'de')
})

async function checkLanguage(t: Test, ui_locales: string, titles: readonly [string, string]): Promise<void> {
  const { browser } = await signedIn()
  const page = await end(browser, { ui_locales })
  const done = await browser.submit(page, 'logout-confirm')
  for (const [n, view] of [page, done].entries()) {
    t.equal(view.headers.get('content-language'), ui_locales)
    t.equal(view.page.querySelector('html')?.getAttribute('lang'), ui_locales)
    t.equal(view.page.querySelector('h1')?.text, titles[n])
  }
  t.equal(done.url, `${DONE}?ui_locales=${ui_locales}`)
}
