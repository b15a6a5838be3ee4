import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { answerOf, authorize, obtainTokens } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl } from '../../fixtures/clients/endpoints.ts'
import { encode } from '../../fixtures/clients/http.ts'
import { PASSWORD, startInstance } from '../../fixtures/instance/instance.ts'
import {
  HYBRID,
  HYBRID_REDIRECT,
  NATIVE,
  startWorld,
  WEB,
  WEB_BYE,
  WEB_REDIRECT,
} from '../../fixtures/instance/world.ts'
import { type Browser, createBrowser, type View } from '../../fixtures/sign-in/browser.ts'
import { launchChromium, noChromium } from '../../fixtures/sign-in/chromium.ts'

// A browser on a busy machine takes its time.
const { instance } = await startWorld(t)
const CHECK = `${instance.issuer}/connect/checksession`
const STATE = 'tessera-state'

const cookieOf = async (browser: Browser, name = STATE): Promise<string | undefined> =>
  (await browser.jar.getCookies(instance.origin)).find(({ key }) => key === name)?.value

/** As the page in the frame computes it. */
const hashed = (clientId: string, redirectUri: string, state: string, salt: string): string =>
  createHash('sha256')
    .update(`${clientId} ${new URL(redirectUri).origin} ${state} ${salt}`)
    .digest('base64url')

/** The answer tells the session that the browser's readable cookie stands for. */
async function tellsSession(t: Test, view: View, browser: Browser, app = WEB, redirect = WEB_REDIRECT): Promise<void> {
  const told = answerOf(view).get('session_state') ?? ''
  t.match(told, /^[\w-]{43}\.[\w-]{22}$/)
  const [hash, salt = ''] = told.split('.')
  t.equal(hash, hashed(app, redirect, (await cookieOf(browser)) ?? 'no cookie', salt))
}

await t.test('§3.3 discovery, and a page that any app may frame', async (t) => {
  const metadata = await (await fetch(`${instance.issuer}/.well-known/openid-configuration`)).json()
  t.match(metadata, { check_session_iframe: CHECK })
  const answer = await fetch(CHECK)
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('x-frame-options'), null)
  t.equal(
    answer.headers.get('content-security-policy'),
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'",
  )
  t.equal(answer.headers.get('cross-origin-resource-policy'), 'cross-origin')
  t.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8')
  t.strictSame(answer.headers.getSetCookie(), [])
  const post = await fetch(CHECK, { method: 'POST' })
  t.strictSame(
    [post.status, post.headers.get('allow'), post.headers.get('x-frame-options')],
    [405, 'GET, HEAD', 'DENY'],
  )
})

await t.test('§2 every answer of somebody who is signed in tells session_state', async (t) => {
  const browser = createBrowser(instance.origin)
  const nobody = await browser.open(
    authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'none' }),
  )
  t.strictSame([...answerOf(nobody).keys()], ['error', 'error_description', 'error_uri', 'iss'], 'nobody is')
  const first = await authorize(instance, { state: 's' }, { browser })
  t.strictSame([...answerOf(first).keys()], ['code', 'session_state', 'state', 'iss'])
  await tellsSession(t, first, browser)
  const again = await authorize(instance, {}, { browser })
  await tellsSession(t, again, browser)
  t.not(answerOf(again).get('session_state'), answerOf(first).get('session_state'), 'salted each time')

  await t.test('in every response mode, for every app its own', async (t) => {
    const hybrid = { client_id: HYBRID, redirect_uri: HYBRID_REDIRECT }
    for (const response_mode of ['query', 'fragment', 'form_post'])
      await tellsSession(t, await authorize(instance, { response_mode }, { browser }), browser)
    const asked = { ...hybrid, response_type: 'code id_token', nonce: 'n' }
    for (const response_mode of ['fragment', 'form_post'])
      await tellsSession(
        t,
        await authorize(instance, { ...asked, response_mode }, { browser }),
        browser,
        HYBRID,
        HYBRID_REDIRECT,
      )
  })

  await t.test('errors too', async (t) => {
    const asked = { client_id: WEB, redirect_uri: WEB_REDIRECT, scope: 'openid' }
    for (const [parameters, error] of [
      [{ prompt: 'none', max_age: '0' }, 'login_required'],
      [{ prompt: 'none', scope: 'openid phone' }, 'consent_required'],
      [{ scope: 'openid sec' }, 'invalid_scope'],
    ] as const) {
      const view = await browser.open(authorizeUrl(instance, { ...asked, ...parameters }))
      t.equal(answerOf(view).get('error'), error)
      await tellsSession(t, view, browser)
    }
    const page = await browser.open(authorizeUrl(instance, { ...asked, prompt: 'consent' }))
    const denied = await browser.submit(page, 'consent-deny')
    t.equal(answerOf(denied).get('error'), 'access_denied')
    await tellsSession(t, denied, browser)
  })

  await t.test('where no web page could ask, nothing is told', async (t) => {
    const view = await authorize(
      instance,
      {
        client_id: NATIVE,
        redirect_uri: 'com.example.app:/oauth',
        code_challenge: 'x'.repeat(43),
        code_challenge_method: 'S256',
      },
      { browser },
    )
    t.strictSame([...answerOf(view).keys()], ['code', 'iss'])
  })
})

await t.test('§3.1 the readable cookie stays while the session does, and opens nothing', async (t) => {
  const browser = createBrowser(instance.origin)
  const view = await browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT }))
  const lines: string[] = []
  const watched: Browser = {
    ...browser,
    request: async (url, init) => {
      const response = await browser.request(url, init)
      lines.push(...response.headers.getSetCookie())
      return response
    },
  }
  const form = view.page.querySelector('form')
  await watched.request(form?.getAttribute('action') ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: encode({
      username: 'david',
      password: PASSWORD,
      csrf: form?.querySelector('input[name=csrf]')?.getAttribute('value') ?? '',
    }).toString(),
  })
  t.match(
    lines.find((line) => line.startsWith(STATE)),
    /^tessera-state=[\w-]{43}; Path=\/; SameSite=Lax$/,
  )
  const first = await cookieOf(browser)
  t.not(first, await cookieOf(browser, 'tessera-session'))

  const bare = createBrowser(instance.origin)
  await bare.jar.setCookie(`${STATE}=${first}; Path=/`, instance.origin)
  await bare.jar.setCookie(`tessera-session=${first}; Path=/`, instance.origin)
  const silent = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'none' })
  t.equal(answerOf(await bare.open(silent)).get('error'), 'login_required', 'it opens nothing')

  await authorize(instance, { prompt: 'login' }, { browser })
  t.equal(await cookieOf(browser), first, 'the same person proved again who they are: the same session')
  await browser.jar.removeAllCookies()
  await authorize(instance, {}, { browser })
  const second = await cookieOf(browser)
  t.not(second, first, 'another session')
  await authorize(instance, { prompt: 'login' }, { browser, login: 'anna' })
  t.not(await cookieOf(browser), second, 'another person')
  const { id_token } = await obtainTokens(instance, {}, { browser, login: 'anna' })
  await browser.open(endSessionUrl(instance, { id_token_hint: id_token }))
  t.equal(await cookieOf(browser), undefined, 'nobody')
})

await t.test('over https the cookie can be read in a frame of any site', async (t) => {
  const secure = await startInstance({ settings: { TESSERA_ISSUER: 'https://id.example.com/id' } })
  t.teardown(() => secure.close())
  await secure.addUser({ login: 'david' })
  await secure.addApp({
    applicationUri: WEB,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [WEB_REDIRECT],
  })
  const ask = new URL(authorizeUrl(secure, { client_id: WEB, redirect_uri: WEB_REDIRECT }))
  const page = await secure.server.inject({ url: `${ask.pathname}${ask.search}` })
  const browser = String(page.cookies.find(({ name }) => name === '__Host-tessera-browser')?.value)
  const login = String(page.headers.location).replace('https://id.example.com', '')
  const cookies = { '__Host-tessera-browser': browser }
  const shown = await secure.server.inject({ url: login, cookies })
  const csrf = /name="csrf" value="([^"]+)"/.exec(shown.body)?.[1] ?? ''
  const action = /action="https:\/\/id\.example\.com([^"]+)"/.exec(shown.body)?.[1] ?? ''
  const done = await secure.server.inject({
    method: 'POST',
    url: action,
    cookies,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: encode({ username: 'david', password: PASSWORD, csrf }).toString(),
  })
  const lines = [done.headers['set-cookie'] ?? []].flat()
  t.match(
    lines.find((line) => line.startsWith('__Host-tessera-state')),
    /^__Host-tessera-state=[\w-]{43}; Path=\/; Secure; SameSite=None$/,
  )
  t.match(
    lines.find((line) => line.startsWith('__Host-tessera-session')),
    /^__Host-tessera-session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  )
})

await t.test('§3.1, §3.2 in Chromium', { skip: noChromium() }, async (t) => {
  // A page of the app that frames the server's page and asks it.
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(`<!doctype html><link rel="icon" href="data:,"><title>app</title>
      <iframe id="op" src="${CHECK}"></iframe>`)
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  const app = {
    applicationUri: 'my.trusted.app/framing?a=1&b="2"',
    impersonateAsInternalUserAllowed: true,
    requireConsent: false,
    impersonateLoginUrl: [`${origin}/cb`],
    impersonateLogoutUrl: [WEB_BYE],
  }
  await instance.addApp(app)
  const chromium = await launchChromium()
  t.teardown(() => chromium.close())
  const context = await chromium.newContext()
  context.setDefaultTimeout(10_000)
  const complaints: string[] = []

  async function open(url: string): Promise<Page> {
    const page = await context.newPage()
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(url)
    return page
  }
  /** What the frame answers. */
  const ask = (page: Page, message: unknown): Promise<unknown> =>
    page.evaluate(
      `new Promise((resolve) => {
        addEventListener('message', ({ data, origin }) => resolve(origin + ' ' + data), { once: true })
        document.getElementById('op').contentWindow.postMessage(${JSON.stringify(message)}, ${JSON.stringify(instance.origin)})
      })`,
    )
  const said = (word: string): string => `${instance.origin} ${word}`
  async function signIn(page: Page, login: string): Promise<string> {
    await page.goto(
      authorizeUrl(instance, {
        client_id: app.applicationUri,
        redirect_uri: `${origin}/cb`,
        ...(login === '' ? {} : { prompt: 'login' }),
      }),
    )
    if (login !== '') {
      // Whoever is signed in is asked for their password alone.
      if ((await page.locator('#not-you').count()) > 0) await page.click('#not-you')
      await page.fill('#username', login)
      await page.fill('#password', PASSWORD)
      await page.click('#login-submit')
      await page.waitForURL(`${origin}/cb?**`)
    }
    return `${app.applicationUri} ${new URL(page.url()).searchParams.get('session_state')}`
  }

  const page = await open(`${origin}/`)
  const first = await signIn(page, 'david')
  t.equal(await ask(page, first), said('unchanged'))
  const second = await signIn(page, '')
  t.strictSame([await ask(page, first), await ask(page, second)], [said('unchanged'), said('unchanged')])
  const [client = '', state = ''] = first.split(' ')
  for (const [message, word] of [
    [`${WEB} ${state}`, 'changed'],
    [`${client} ${'x'.repeat(43)}.${state.split('.')[1]}`, 'changed'],
    [client, 'error'],
    [`${client} x`, 'error'],
    [`${client} ${state} more`, 'error'],
    ['', 'error'],
    [{ client, state }, 'error'],
    [null, 'error'],
  ] as const)
    t.equal(await ask(page, message), said(word), JSON.stringify(message))

  await signIn(page, 'david')
  t.equal(await ask(page, first), said('unchanged'), 'the same person signed in again')
  const other = await open(`${origin}/`)
  const ofAnna = await signIn(other, 'anna')
  t.equal(await ask(page, first), said('changed'), 'somebody else did, in another tab')
  t.equal(await ask(page, ofAnna), said('unchanged'))
  await other.goto(endSessionUrl(instance))
  await other.click('#logout-confirm')
  await other.waitForURL('**/logout/signed-out')
  t.equal(await ask(page, ofAnna), said('changed'), 'and signed out')
  t.strictSame(complaints, [])
})
