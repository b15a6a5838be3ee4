import t, { type Test } from 'tap'
import { refusalsOf } from '../../fixtures/answers/refusals.ts'
import { answerOf, authorize, PKCE, postedFields, sentTo } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl } from '../../fixtures/clients/endpoints.ts'
import { METADATA, registerClient } from '../../fixtures/clients/registration.ts'
import { startWorld, WEB, WEB_BYE, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser, type View } from '../../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../../fixtures/sign-in/sign-in.ts'

const { instance } = await startWorld(t, { TESSERA_REGISTRATION: 'open', TESSERA_REGISTRATION_HOURLY: '1000' })
const [REDIRECT] = METADATA.redirect_uris
const BYE = 'https://rp.example.com/bye'
const LOGO = 'https://rp.example.com/logo.png'
const { client_id } = await registerClient(instance, { post_logout_redirect_uris: [BYE], logo_uri: LOGO })

/** What goes wrong before anybody signs in, by the error. */
const WRONG: readonly (readonly [error: string, parameters: Readonly<Record<string, string>>])[] = [
  ['invalid_scope', { scope: 'openid sec' }],
  ['unsupported_response_type', { response_type: 'magic' }],
  ['invalid_request', { prompt: 'none login' }],
  ['invalid_request', { claims: '[]' }],
  ['invalid_request', { prompt: 'a\0b' }],
  ['request_not_supported', { request: 'x' }],
  ['invalid_scope', { scope: 'openid sec', response_mode: 'fragment' }],
]

/** Our own page, from which a person may go on where they see that it leads. */
function showsOwnPage(t: Test, view: View, onward: string): void {
  t.equal(view.leftTo, undefined, 'nobody is sent away')
  const link = view.page.querySelector('#onward')
  t.ok(link?.getAttribute('href')?.replaceAll('&amp;', '&').startsWith(onward), `the link leads to ${onward}`)
  t.match(link?.text, 'https://rp.example.com')
  t.match(view.text, 'registered itself')
  t.notMatch(view.text, /http-equiv="refresh"|<script/, 'by themselves alone')
}

await t.test('§4.11.2 an app that registered itself hears of an error once somebody has signed in', async (t) => {
  for (const [error, parameters] of WRONG) {
    const asked = { client_id, redirect_uri: REDIRECT, ...PKCE, state: 'xyz', ...parameters }
    const browser = createBrowser(instance.origin)
    const login = await browser.open(authorizeUrl(instance, asked))
    t.equal(login.leftTo, undefined, 'nobody is sent away')
    t.ok(login.page.querySelector('#password'), 'the page asks who it is')
    const left = sentTo(await signInAndConsent(browser, login, 'david'))
    const told = new URLSearchParams(parameters['response_mode'] ? left.hash.slice(1) : left.search)
    t.equal(`${left.origin}${left.pathname}`, REDIRECT)
    t.same([told.get('error'), told.get('state')], [error, 'xyz'], 'and the sign-in carries nothing else')
    const refusalId = new URL(told.get('error_uri') ?? 'x:').searchParams.get('refusal') ?? ''
    t.equal(
      refusalsOf(instance).filter(({ refusal }) => refusal === refusalId).length,
      1,
      'noted once, when it was refused',
    )
    const ours = { ...asked, client_id: WEB, redirect_uri: WEB_REDIRECT }
    const at = answerOf(await createBrowser(instance.origin).open(authorizeUrl(instance, ours)))
    t.equal(at.get('error'), error, 'an app that an administrator registered is told at once')
  }
})

await t.test('§4.11.2 such an app hears that somebody cancelled only while they are signed in', async (t) => {
  const browser = createBrowser(instance.origin)
  const asked = { client_id, redirect_uri: REDIRECT, ...PKCE, state: 'xyz' }
  await signInAndConsent(browser, await browser.open(authorizeUrl(instance, asked)), 'david')
  const page = await browser.open(authorizeUrl(instance, { ...asked, prompt: 'login' }))
  const told = answerOf(await browser.submit(page, 'login-cancel'))
  t.same([told.get('error'), told.get('state')], ['access_denied', 'xyz'])
  await browser.jar.setCookie('tessera-session=; Max-Age=0; Path=/', instance.origin)
  const view = await browser.submit(page, 'login-cancel')
  t.equal(view.leftTo, undefined, 'nobody is sent away')
  t.equal(view.page.querySelector('h1')?.text, 'Sign in')
})

await t.test('§4.11.2 the same for form_post and for a POST, whose sender shows no cookie', async (t) => {
  const asked = { client_id, redirect_uri: REDIRECT, ...PKCE, scope: 'openid sec', response_mode: 'form_post' }
  const browser = createBrowser(instance.origin)
  const login = await browser.open(authorizeUrl(instance, asked))
  t.equal(login.page.querySelector('#form-post'), null)
  const posted = postedFields(await signInAndConsent(browser, login, 'david'))
  t.equal(Object.fromEntries(posted)['error'], 'invalid_scope')
  const body = new URLSearchParams({
    client_id,
    redirect_uri: REDIRECT,
    ...PKCE,
    response_type: 'token',
    scope: 'openid',
  })
  const other = createBrowser(instance.origin)
  const asking = await other.follow(`${instance.issuer}/connect/authorize`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: body.toString(),
  })
  t.ok(asking.page.querySelector('#password'))
  const left = sentTo(await signInAndConsent(other, asking, 'david'))
  t.equal(new URLSearchParams(left.hash.slice(1)).get('error'), 'unsupported_response_type')
})

await t.test('§4.11.2 a refused request stays refused: no sign-in turns it into a code', async (t) => {
  const browser = createBrowser(instance.origin)
  const asked = { client_id, redirect_uri: REDIRECT, ...PKCE, request: 'x', scope: 'openid' }
  const told = answerOf(await signInAndConsent(browser, await browser.open(authorizeUrl(instance, asked)), 'david'))
  t.same([told.get('error'), told.get('code')], ['request_not_supported', null])
})

await t.test('OIDC Core §3.1.2.6 an app that asks for silence is told without a page', async (t) => {
  const asked = { client_id, redirect_uri: REDIRECT, ...PKCE, state: 'xyz', prompt: 'none' }
  const told = answerOf(await createBrowser(instance.origin).open(authorizeUrl(instance, asked)))
  t.same([told.get('error'), told.get('state')], ['login_required', 'xyz'])
  for (const dest of ['document', 'iframe']) {
    const browser = createBrowser(instance.origin)
    const view = await browser.follow(authorizeUrl(instance, asked), { headers: { 'sec-fetch-dest': dest } })
    t.equal(answerOf(view).get('error'), 'login_required', dest)
  }
})

await t.test('§4.11.2 whoever is signed in is sent back with the error, as anywhere', async (t) => {
  const browser = createBrowser(instance.origin)
  await authorize(instance, {}, { browser })
  for (const [error, parameters] of WRONG) {
    const view = await browser.open(
      authorizeUrl(instance, { client_id, redirect_uri: REDIRECT, ...PKCE, ...parameters }),
    )
    t.equal(answerOf(view).get('error'), error)
  }
})

await t.test('a sign-out link of an app that registered itself sends nobody away who was not signed in', async (t) => {
  const away = endSessionUrl(instance, { client_id, post_logout_redirect_uri: BYE, state: 'xyz' })
  showsOwnPage(t, await createBrowser(instance.origin).open(away), `${BYE}?state=xyz`)
  const ours = endSessionUrl(instance, { client_id: WEB, post_logout_redirect_uri: WEB_BYE })
  t.equal((await createBrowser(instance.origin).open(ours)).leftTo?.href, WEB_BYE)
  const browser = createBrowser(instance.origin)
  await authorize(instance, {}, { browser })
  const asked = await browser.open(away)
  t.equal(
    (await browser.submit(asked, 'logout-confirm')).leftTo?.href,
    `${BYE}?state=xyz`,
    'after a press of the button',
  )
})

await t.test('the page with the password loads nothing from an app that registered itself', async (t) => {
  const browser = createBrowser(instance.origin)
  const login = await browser.open(authorizeUrl(instance, { client_id, redirect_uri: REDIRECT, ...PKCE }))
  t.ok(login.page.querySelector('#password'))
  t.notMatch(login.text, LOGO)
  t.equal(/img-src ([^;]*)/.exec(login.headers.get('content-security-policy') ?? '')?.[1], "'self' data:")
})
