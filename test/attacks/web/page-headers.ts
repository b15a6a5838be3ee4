// SQLite alone: is about headers, hosts and addresses, which no database sees
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { authorizeUrl, endSessionUrl } from '../../fixtures/clients/endpoints.ts'
import { encode } from '../../fixtures/clients/http.ts'
import { PASSWORD, startInstance } from '../../fixtures/instance/instance.ts'
import { WEB, WEB_BYE, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { launchChromium, noChromium } from '../../fixtures/sign-in/chromium.ts'

// A browser on a busy machine takes its time.
t.setTimeout(120_000)

/** Attributes of each cookie; the one for frames of apps can be read by scripts and opens nothing. */
const COOKIES: Readonly<Record<string, RegExp>> = {
  '__Host-tessera-session': /^[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  '__Host-tessera-browser': /^[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  '__Host-tessera-device': /^[\w.-]+; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  '__Host-tessera-state': /^[\w-]{43}; Path=\/; Secure; SameSite=None$/,
}

await t.test(
  'HC-04: over https every cookie is tied to this host, closed to scripts, small, and says nothing',
  async (t) => {
    const settings = { TESSERA_ISSUER: 'https://id.example.com/id' }
    const instance = await startInstance({ settings })
    t.teardown(() => instance.close())
    await instance.addUser({ login: 'david', email: 'david@example.com' })
    const app = { applicationUri: WEB, impersonateAsInternalUserAllowed: true, impersonateLoginUrl: [WEB_REDIRECT] }
    await instance.addApp({ ...app, impersonateLogoutUrl: [WEB_BYE] })
    const own: Record<string, string> = {}
    const seen: string[] = []
    async function send(url: string, fields?: Readonly<Record<string, string>>) {
      const path = url.replace('https://id.example.com', '').replaceAll('&amp;', '&')
      const headers = {
        cookie: Object.entries(own)
          .map((pair) => pair.join('='))
          .join('; '),
        host: 'id.example.com',
      }
      const form = { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://id.example.com' }
      const answer = await instance.server.inject(
        fields
          ? { method: 'POST', url: path, headers: { ...headers, ...form }, payload: encode(fields).toString() }
          : { url: path, headers },
      )
      for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
        seen.push(line)
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        own[name] = value
      }
      return { text: answer.body, to: String(answer.headers.location ?? '') }
    }
    const follow = async (to: string) => {
      let page = await send(to)
      while (page.to.startsWith('https://id.example.com')) page = await send(page.to)
      return page
    }
    const field = (text: string, name: string): string =>
      new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? ''
    const action = (text: string): string => /action="([^"]+)"/.exec(text)?.[1] ?? ''

    const state = 'a-state-of-the-app-0123456789'
    const ask = new URL(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, state, scope: 'openid' }))
    const login = await follow(ask.pathname + ask.search)
    const csrf = field(login.text, 'csrf')
    const signedIn = await send(action(login.text), { csrf, username: 'david', password: PASSWORD })
    const consent = await follow(signedIn.to)
    await send(action(consent.text), { csrf: field(consent.text, 'csrf'), decision: 'approve' })
    t.strictSame(Object.keys(own).sort(), Object.keys(COOKIES).sort())
    for (const line of seen) {
      const name = line.slice(0, line.indexOf('='))
      t.match(line.slice(name.length + 1), COOKIES[name] ?? /never/, name)
      t.ok(line.length <= 4096)
      for (const text of ['david', state, 'openid', 'app.example.com', PASSWORD]) t.notOk(line.includes(text))
    }
  },
)

/** An app whose pages answer anything, and post nothing back. */
async function startApp(t: Test): Promise<string> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end('<!doctype html><link rel="icon" href="data:,"><title>app</title><p id="arrived">Welcome</p>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

await t.test(
  'HC-02 in Chromium: sign-in, consent, form_post, sign-out and errors break no policy of their own',
  { skip: noChromium() },
  async (t) => {
    const instance = await startInstance()
    t.teardown(() => instance.close())
    const app = await startApp(t)
    await instance.addUser({ login: 'david' })
    await instance.addApp({
      applicationUri: WEB,
      name: 'Web shop',
      logoUri: 'https://app.example.com/logo.png',
      impersonateAsInternalUserAllowed: true,
      impersonateLoginUrl: [`${app}/cb`],
      impersonateLogoutUrl: [`${app}/bye`],
      frontchannelLogoutUri: `${app}/out`,
    })
    const chromium = await launchChromium()
    t.teardown(() => chromium.close())
    const page = await chromium.newPage()
    const violations: string[] = []
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('dialog', (dialog) => complaints.push(dialog.message()))
    // The logo is at an address that does not exist; whether it may be loaded is what is asked.
    await page.route('https://app.example.com/**', (route) =>
      route.fulfill({ status: 200, contentType: 'image/png', body: '' }),
    )
    await page.exposeFunction(
      'noteViolation',
      (directive: string) => void violations.push(`${page.url()}: ${directive}`),
    )
    await page.addInitScript(
      `document.addEventListener('securitypolicyviolation', (event) => window.noteViolation(event.violatedDirective + ' ' + event.blockedURI))`,
    )
    const ask = (more: Readonly<Record<string, string>> = {}) =>
      page.goto(authorizeUrl(instance, { client_id: WEB, redirect_uri: `${app}/cb`, scope: 'openid profile', ...more }))
    const arrived = (at: Page) => at.waitForSelector('#arrived')

    await ask()
    await page.fill('#username', 'david')
    await page.fill('#password', 'wrong')
    await page.click('#login-submit')
    await page.fill('#username', 'david')
    await page.fill('#password', PASSWORD)
    await page.click('#login-submit')
    await page.click('#consent-approve')
    await arrived(page)
    await ask({ response_mode: 'form_post', state: '"><script>alert(1)</script>' })
    await arrived(page)
    await ask({ prompt: 'consent' })
    await page.click('#consent-approve')
    await arrived(page)
    await ask({ client_id: 'nobody' })
    await page.waitForSelector('#error-code')
    await page.goto(`${instance.issuer}/connect/checksession`)
    await page.goto(endSessionUrl(instance))
    await page.click('#logout-confirm')
    await page.waitForLoadState('networkidle')
    t.strictSame(violations, [])
    t.strictSame(
      complaints.filter((text) => /Content Security Policy|Refused to|alert/i.test(text)),
      [],
    )

    await t.test('and the page would have told', async (t) => {
      await page.goto(endSessionUrl(instance))
      await page.evaluate("document.body.append(Object.assign(document.createElement('script'), { text: 'alert(1)' }))")
      await page.waitForFunction("document.querySelector('script:not([src])') !== null")
      for (let tries = 0; violations.length === 0 && tries < 100; tries++)
        await page.evaluate('new Promise(requestAnimationFrame)')
      matchesWhole(t, violations, [/script-src/])
    })
  },
)
