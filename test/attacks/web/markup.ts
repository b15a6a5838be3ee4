// SQLite alone: is about what a browser makes of texts; odd-text.ts and consent-page.ts keep and show them on both
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { obtainTokens } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl } from '../../fixtures/clients/endpoints.ts'
import { encode } from '../../fixtures/clients/http.ts'
import { PASSWORD } from '../../fixtures/instance/instance.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { launchChromium, noChromium } from '../../fixtures/sign-in/chromium.ts'

// A browser on a busy machine takes its time.
t.setTimeout(120_000)

const SCRIPTS = [
  `"><script>window.pwned=1;alert(1)</script>`,
  `'><img src=x onerror=window.pwned=1>`,
  `<svg/onload=window.pwned=1>`,
  `</title><iframe srcdoc="<script>top.pwned=1</script>">`,
  `" autofocus onfocus="window.pwned=1`,
  `javascript:window.pwned=1`,
] as const
/** What a template language, a shell or a configuration would put something else in place of. */
const PLACEHOLDERS = '\u0024{env.PATH} {{7*7}} <%= 7*7 %> <%~ it.csrf %> #{7*7} $(id) %{7*7}'
const LOGO = 'https://cdn.example.com/logo.svg'
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="top.pwned=1"><script>top.pwned=1</script></svg>'

await attackGroup(t, 'J. Pages: what is sent comes back in none', async ({ instance, attack }) => {
  const pages: Readonly<Record<string, (fields: Readonly<Record<string, string>>) => string>> = {
    'an unknown app': (fields) =>
      authorizeUrl(instance, { client_id: 'nobody', redirect_uri: WEB_REDIRECT, ...fields }),
    'another redirect URI': (fields) => authorizeUrl(instance, { client_id: WEB, redirect_uri: 'x:', ...fields }),
    'the page that error_uri leads to': (fields) => `${instance.issuer}/error?${encode(fields)}`,
    'a link to the sign-in': (fields) => `${instance.issuer}/login?${encode(fields)}`,
    'a link to the consent': (fields) => `${instance.issuer}/consent?${encode(fields)}`,
    'a link to the sign-out': (fields) => `${instance.issuer}/logout?${encode(fields)}`,
    'a sign-out that leads elsewhere': (fields) =>
      endSessionUrl(instance, { post_logout_redirect_uri: 'https://other.test/', ...fields }),
  }
  const NAMES = [
    'state',
    'error',
    'error_description',
    'error_hint',
    'login_hint',
    'client_id',
    'ui_locales',
    'interaction',
    'refusal',
    'x',
  ]
  const browser = createBrowser(instance.origin)
  await obtainTokens(instance, {}, { browser })
  for (const [name, urlOf] of Object.entries(pages))
    await attack('AD-09', name, async (t) => {
      for (const parameter of NAMES)
        for (const script of SCRIPTS.slice(0, 3)) {
          const { status, text, headers, leftTo } = await browser.open(urlOf({ [parameter]: script }))
          t.ok(status >= 400 && status < 500 && leftTo === undefined, `${parameter}: ${status}`)
          t.notOk(text.includes(script) || /pwned/.test(text), `${parameter} comes back`)
          t.notMatch(headers.get('content-security-policy'), /unsafe-inline|script-src/)
        }
    })
  await attack('AD-09', 'the path, and what follows it', async (t) => {
    for (const path of ['/id/', '/', '/id/connect/', '/manage/', '/profile/', '/id/assets/'])
      for (const script of SCRIPTS) {
        const { status, text } = await browser.open(
          `${instance.origin}${path}${encodeURIComponent(script)}?${encode({ x: script })}`,
        )
        t.ok(status >= 400 && status < 500, `${path} ${status}`)
        t.notMatch(text, /pwned/)
      }
  })
})

await t.test('in Chromium nothing that is stored or sent runs', { skip: noChromium() }, async (t) => {
  const { instance } = await startWorld(t)
  const chromium = await launchChromium()
  t.teardown(() => chromium.close())

  /** Signs somebody in, and visits every page where their name and that of the app are shown. */
  async function visit(t: Test, name: string, text: string): Promise<void> {
    const app = `my.app/${name}`
    const redirectUri = `https://app.example.com/cb?${encodeURIComponent(text)}`
    await instance.addApp({
      applicationUri: app,
      name: text,
      impersonateAsInternalUserAllowed: true,
      impersonateLoginUrl: [redirectUri],
      impersonateLogoutUrl: [redirectUri],
      scope: ['read'],
      logoUri: LOGO,
      policyUri: `https://app.example.com/${encodeURIComponent(text)}`,
      tosUri: 'https://app.example.com/terms',
    })
    const login = `person-${name}`
    await instance.addUser({ login, name: text })
    const context = await chromium.newContext({ userAgent: text.replaceAll('"', '') })
    const page = await context.newPage()
    const ran: string[] = []
    page.on('dialog', (dialog) => {
      ran.push(`dialog ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('console', (message) => ran.push(`console ${message.text()}`))
    await page.route(/^https:/, (route) =>
      route.request().url() === LOGO
        ? route.fulfill({ contentType: 'image/svg+xml', body: SVG })
        : route.fulfill({ contentType: 'text/html', body: '<p id="arrived">arrived</p>' }),
    )
    const isInert = async (where: string): Promise<void> => {
      t.equal(await page.evaluate('window.pwned'), undefined, where)
      t.strictSame(ran, [], where)
    }
    const shown = (selector: string) => page.locator(selector).first().textContent()

    await page.goto(
      authorizeUrl(instance, {
        client_id: app,
        redirect_uri: redirectUri,
        scope: 'openid read',
        login_hint: text,
        state: text,
      }),
    )
    t.equal(await shown('.app-name'), text, 'the name of the app, as it is')
    t.equal(await page.inputValue('#username'), text.slice(0, 256), 'and the hint')
    await isInert('sign-in')
    await page.fill('#username', login)
    await page.fill('#password', PASSWORD)
    await page.click('#login-submit')
    t.equal(await shown('.app-name'), text)
    t.equal(await shown('.person bdi'), text, 'the name of the person, as it is')
    await isInert('consent')
    // Nobody can answer in the place of the app where a redirect leads to it.
    const sent = page.waitForRequest((request) => request.url().startsWith('https://app.example.com/cb?'))
    await page.click('#consent-approve')
    t.equal(new URL((await sent).url()).searchParams.get('state'), text, 'and the state')
    await page.waitForURL(/^chrome-error:/)
    await page.goto(endSessionUrl(instance, { client_id: app, state: text }))
    t.equal(await shown('.person bdi'), text)
    await isInert('sign-out')
    await page.click('#logout-confirm')
    await isInert('signed out')
    await formPost(page, app, redirectUri, login, text)
    await isInert('form_post')
    await context.close()
  }

  async function formPost(page: Page, app: string, redirectUri: string, login: string, state: string): Promise<void> {
    const asked = { client_id: app, redirect_uri: redirectUri, response_mode: 'form_post', state }
    await page.goto(authorizeUrl(instance, asked))
    await page.fill('#username', login)
    await page.fill('#password', PASSWORD)
    await page.click('#login-submit')
    await page.waitForSelector('#arrived')
  }

  for (const [n, script] of SCRIPTS.entries())
    await t.test(`AD-08: ${script} in every name, address and parameter`, (t) => visit(t, `script-${n}`, script))
  await t.test(`AD-15: ${PLACEHOLDERS} stays what it is`, (t) => visit(t, 'placeholders', PLACEHOLDERS))
})
