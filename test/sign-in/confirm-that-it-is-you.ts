import t, { type Test } from 'tap'
import { refusedByRedirect } from '../fixtures/answers/refusals.ts'
import { answerOf, obtainTokens } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../fixtures/clients/endpoints.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { type Browser, createBrowser, formOf, type View } from '../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t)
const MINUTE = 60 * 1000

const open = (browser: Browser, parameters: Readonly<Record<string, string>> = {}): Promise<View> =>
  browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, state: 's', ...parameters }))

/** A browser in which somebody signed in a minute ago and allowed the web app to know them. */
async function browserOf(login = 'david') {
  const browser = createBrowser(instance.origin)
  const { id_token: hint } = await obtainTokens(instance, {}, { browser, login })
  instance.advance(MINUTE)
  return { browser, hint }
}

const heading = ({ page }: View) => page.querySelector('h1')?.text
const loginIn = ({ page }: View) => page.querySelector('#username')?.getAttribute('value')
const personOn = ({ page }: View) => page.querySelector('.person-name')?.text
const CONFIRM = 'Confirm that it is you'

/** The page names who is signed in, and wants nothing but their password. */
function confirms(t: Test, view: View): void {
  t.strictSame([heading(view), personOn(view), loginIn(view)], [CONFIRM, 'David Miller', 'david'])
  t.ok(view.page.querySelector('#username.visually-hidden[readonly][autocomplete=username]'))
  t.ok(view.page.querySelector('#password[autofocus]'))
  t.match(view.page.querySelector('.app-name')?.text, 'Web shop')
}

await t.test(
  'whoever is signed in and must prove it once more is named, and asked for the password alone',
  async (t) => {
    const { browser, hint } = await browserOf()
    for (const asked of [
      { prompt: 'login' },
      { prompt: 'login consent' },
      { max_age: '59' },
      { prompt: 'login', id_token_hint: hint },
      { prompt: 'login', login_hint: 'david' },
      { prompt: 'login', login_hint: ' DAVID ' },
      { max_age: '0', login_hint: 'David@Example.com' },
    ])
      confirms(t, await open(browser, asked))
  },
)

await t.test('with the right password they go on', async (t) => {
  const { browser } = await browserOf()
  const page = await open(browser, { prompt: 'login', scope: 'openid' })
  const view = await browser.submit(page, 'login-submit', { username: loginIn(page) ?? '', password: PASSWORD })
  t.ok(answerOf(view).get('code'))
})

await t.test('a wrong or missing password is asked for again, in words about nothing but it', async (t) => {
  const { browser } = await browserOf()
  const page = await open(browser, { prompt: 'login' })
  const again = await browser.submit(page, 'login-submit', { username: 'david', password: 'wrong' })
  confirms(t, again)
  t.equal(again.status, 401)
  t.equal(again.page.querySelector('#problem')?.text, 'This password was not accepted. Please check it and try again.')
  t.match(again.page.querySelector('title')?.text, /^Problem: Confirm/)
  t.match(again.page.querySelector('#refusal-id')?.text, /^[0-9a-z]{16}$/)
  const missing = await browser.submit(again, 'login-submit', { username: 'david', password: '' })
  confirms(t, missing)
  t.equal(missing.page.querySelector('#problem')?.text, 'Please enter your password.')
})

await t.test('whoever cancels goes back to the app, which is told so', async (t) => {
  const { browser } = await browserOf()
  const told = { error: 'access_denied', description: 'the person cancelled the sign-in', state: 's' }
  const cancel = (view: View) => browser.submit(view, 'login-cancel', { username: 'david', password: '' })
  const page = await open(browser, { prompt: 'login' })
  t.ok(page.page.querySelector('#login-cancel[formnovalidate]'), 'without a password')
  refusedByRedirect(t, instance, await cancel(page), told)
  refusedByRedirect(t, instance, await cancel(await open(browser, { max_age: '59' })), told)
  const posted = await cancel(await open(browser, { prompt: 'login', response_mode: 'form_post' }))
  t.equal(formOf(posted).action, WEB_REDIRECT)
  t.match(Object.fromEntries(formOf(posted).fields), { error: 'access_denied', state: 's', iss: instance.issuer })
  t.equal(answerOf(await open(browser, { prompt: 'none' })).get('error'), null, 'they are still signed in')
})

await t.test('whoever cancels after they were signed out elsewhere goes back as well', async (t) => {
  const { browser } = await browserOf()
  const page = await open(browser, { prompt: 'login' })
  await browser.jar.setCookie('tessera-session=; Max-Age=0; Path=/', instance.origin)
  const view = await browser.submit(page, 'login-cancel')
  t.equal(answerOf(view).get('error'), 'access_denied')
})

await t.test('a first sign-in has no button for it, as one leaves by going back', async (t) => {
  const view = await open(createBrowser(instance.origin))
  t.equal(heading(view), 'Sign in')
  t.notOk(view.page.querySelector('#login-cancel'))
})

await t.test('not you? somebody else signs in, by name and password', async (t) => {
  const { browser } = await browserOf()
  const page = await open(browser, { prompt: 'login' })
  const other = await browser.open(page.page.querySelector('#not-you')?.getAttribute('href') ?? '')
  t.strictSame([heading(other), loginIn(other)], ['Sign in', ''])
  t.notOk(other.page.querySelector('#username[readonly]'))
  t.match(other.page.querySelector('#stay')?.text, 'Continue as David Miller')
  const back = await browser.open(other.page.querySelector('#stay')?.getAttribute('href') ?? '')
  confirms(t, back)
  const asAnna = await browser.submit(other, 'login-submit', { username: 'anna', password: PASSWORD })
  t.match(personOn(asAnna), 'Anna Berg', 'who comes to the consent page')
})

await t.test('a request for somebody else names nobody', async (t) => {
  const { browser } = await browserOf()
  const { hint } = await browserOf('anna')
  const claims = JSON.stringify({ id_token: { sub: { value: 'somebody-else' } } })
  for (const [asked, suggested] of [
    [{ prompt: 'login', login_hint: 'anna' }, 'anna'],
    [{ prompt: 'login', login_hint: 'nobody@example.com' }, 'nobody@example.com'],
    [{ id_token_hint: hint }, ''],
    [{ claims }, ''],
    [{ prompt: 'select_account' }, ''],
  ] as const) {
    const view = await open(browser, asked)
    t.strictSame([heading(view), personOn(view), loginIn(view)], ['Sign in', undefined, suggested])
  }
  const stranger = await open(createBrowser(instance.origin), { prompt: 'login', login_hint: 'david' })
  t.strictSame([heading(stranger), personOn(stranger), loginIn(stranger)], ['Sign in', undefined, 'david'])
  t.notOk(stranger.text.includes('David Miller'), 'a login alone brings no name')
})

await t.test('whoever was signed out meanwhile signs in as ever', async (t) => {
  const { browser } = await browserOf()
  const page = await open(browser, { prompt: 'login' })
  instance.advance(31 * 24 * 60 * MINUTE)
  const late = await open(browser, { prompt: 'login' })
  t.equal(heading(late), 'Sign in')
  t.equal(heading(page), CONFIRM)
})

await t.test('a page left open asks nobody when whoever signed in elsewhere is enough', async (t) => {
  const browser = createBrowser(instance.origin)
  const asked = { scope: 'openid', max_age: '600' }
  const tab = await open(browser, asked)
  const hinted = await open(browser, { ...asked, login_hint: 'anna' })
  const other = await open(browser, { ...asked, prompt: 'login' })
  const chosen = await open(browser, { ...asked, prompt: 'select_account' })
  const unconsented = await open(browser, { scope: 'openid address' })
  await obtainTokens(instance, {}, { browser, login: 'david' })
  t.equal((await browser.request(tab.url, { method: 'HEAD' })).status, 303)
  t.ok(answerOf(await browser.open(tab.url)).get('code'))
  t.equal(heading(await browser.open(unconsented.url)), 'Allow access?')
  confirms(t, await browser.open(other.url))
  t.equal(heading(await browser.open(chosen.url)), 'Sign in')
  const forAnna = await browser.open(hinted.url)
  t.strictSame([heading(forAnna), loginIn(forAnna)], ['Sign in', 'anna'], 'which is for somebody else')
  instance.advance(11 * MINUTE)
  confirms(t, await browser.open((await open(browser, asked)).url))
})

await t.test('what is entered on such a page decides, whoever is signed in by now', async (t) => {
  const browser = createBrowser(instance.origin)
  const tab = await open(browser, { scope: 'openid', state: 'tab' })
  await obtainTokens(instance, {}, { browser, login: 'david' })
  const enter = (username: string, password: string) => browser.submit(tab, 'login-submit', { username, password })
  const here = async () => (await browser.open(instance.origin)).page.querySelector('.person-name')?.text
  const wrong = await enter('anna', 'wrong')
  t.strictSame([wrong.status, heading(wrong), loginIn(wrong)], [401, 'Sign in', 'anna'], 'nobody goes on by a mistake')
  t.notOk(wrong.text.includes('David'), 'nor hears who else is here')
  t.equal((await enter('david', 'wrong')).status, 401)
  t.equal(await here(), 'David Miller', 'who stays signed in')
  t.ok(answerOf(await browser.open(tab.url)).get('code'), 'and goes on')
  const again = createBrowser(instance.origin)
  const stale = await open(again, { scope: 'openid phone' })
  await obtainTokens(instance, {}, { browser: again, login: 'david' })
  const asAnna = await again.submit(stale, 'login-submit', { username: 'anna', password: PASSWORD })
  t.equal(personOn(asAnna), 'Anna Berg', 'the right password of another person signs them in instead')
})
