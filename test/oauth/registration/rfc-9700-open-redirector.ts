import t, { type Test } from 'tap'
import { answerOf, authorize } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl } from '../../fixtures/clients/endpoints.ts'
import { METADATA, registerClient } from '../../fixtures/clients/registration.ts'
import { startWorld, WEB, WEB_BYE, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser, type View } from '../../fixtures/sign-in/browser.ts'

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
  ['login_required', { prompt: 'none' }],
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

await t.test('§4.11.2 errors of an app that registered itself stay here until somebody signs in', async (t) => {
  for (const [error, parameters] of WRONG) {
    const asked = { client_id, redirect_uri: REDIRECT, state: 'xyz', ...parameters }
    const view = await createBrowser(instance.origin).open(authorizeUrl(instance, asked))
    t.equal(view.status, 400)
    t.equal(view.page.querySelector('#error-code')?.text, error)
    showsOwnPage(t, view, `${REDIRECT}${parameters['response_mode'] ? '#' : '?'}error=${error}&`)
    const ours = { ...asked, client_id: WEB, redirect_uri: WEB_REDIRECT }
    const told = answerOf(await createBrowser(instance.origin).open(authorizeUrl(instance, ours)))
    t.equal(told.get('error'), error, 'an app that an administrator registered is told itself')
  }
})

await t.test('§4.11.2 the same for form_post, which no link can continue, and for a POST', async (t) => {
  const asked = { client_id, redirect_uri: REDIRECT, prompt: 'none', response_mode: 'form_post' }
  const view = await createBrowser(instance.origin).open(authorizeUrl(instance, asked))
  t.equal(view.page.querySelector('#error-code')?.text, 'login_required')
  t.strictSame(view.page.querySelectorAll('#onward, #form-post'), [])
  const body = new URLSearchParams({ client_id, redirect_uri: REDIRECT, response_type: 'token', scope: 'openid' })
  const posted = await createBrowser(instance.origin).follow(`${instance.issuer}/connect/authorize`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: body.toString(),
  })
  showsOwnPage(t, posted, `${REDIRECT}#error=unsupported_response_type&`)
})

await t.test('§4.11.2 whoever is signed in is sent back with the error, as anywhere', async (t) => {
  const browser = createBrowser(instance.origin)
  await authorize(instance, {}, { browser })
  for (const [error, parameters] of WRONG.filter(([name]) => name !== 'login_required')) {
    const view = await browser.open(authorizeUrl(instance, { client_id, redirect_uri: REDIRECT, ...parameters }))
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
  const login = await browser.open(authorizeUrl(instance, { client_id, redirect_uri: REDIRECT }))
  t.ok(login.page.querySelector('#password'))
  t.notMatch(login.text, LOGO)
  t.equal(/img-src ([^;]*)/.exec(login.headers.get('content-security-policy') ?? '')?.[1], "'self' data:")
})
