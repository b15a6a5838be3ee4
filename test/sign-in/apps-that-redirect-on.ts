// SQLite alone: is about what a browser makes of the pages; test/sign-in/sign-in-pages.ts sends the same requests
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { authorizeUrl, endSessionUrl } from '../fixtures/clients/endpoints.ts'
import { PASSWORD, startInstance } from '../fixtures/instance/instance.ts'
import { freePort } from '../fixtures/instance/ports.ts'
import { startTlsProxy } from '../fixtures/instance/tls-proxy.ts'
import { launchChromium, noChromium } from '../fixtures/sign-in/chromium.ts'

// A browser on a busy machine takes its time.
t.setTimeout(180_000)

/** A web site whose addresses below `/to/` redirect to what is written behind that, as a callback that hands over to an app does. */
async function startSite(t: Test): Promise<string> {
  const server = createServer(({ url = '' }, response) => {
    const to = /^\/to\/([^?]+)/.exec(url)?.[1]
    if (to !== undefined) return void response.writeHead(302, { location: decodeURIComponent(to) }).end()
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end('<!doctype html><link rel="icon" href="data:,"><title>home</title><p id="arrived">Welcome</p>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

await t.test(
  'in Chromium: the app is reached whatever its https callback redirects to',
  { skip: noChromium() },
  async (t) => {
    const instance = await startInstance()
    t.teardown(() => instance.close())
    const home = await startSite(t)
    const port = await freePort()
    await startTlsProxy(t, port, home)
    const leadTo = (url: string): string => `https://localhost:${port}/to/${encodeURIComponent(url)}`
    const chromium = await launchChromium()
    t.teardown(() => chromium.close())

    for (const [name, target] of [
      ['a scheme of the desktop app', 'claude://signed-in/here'],
      ['a page without TLS', `${home}/arrived`],
    ] as const) {
      await t.test(name, async (t) => {
        const clientId = `app/${encodeURIComponent(name)}`
        await instance.addUser({ login: clientId.toLowerCase() })
        await instance.addApp({
          applicationUri: clientId,
          impersonateAsInternalUserAllowed: true,
          impersonateLoginUrl: [leadTo(target)],
          impersonateLogoutUrl: [leadTo(target)],
          scope: ['read'],
        })
        const context = await chromium.newContext({ ignoreHTTPSErrors: true })
        t.teardown(() => context.close())
        context.setDefaultTimeout(15_000)
        const page = await context.newPage()
        const complaints: string[] = []
        page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
        const ask = (more: Readonly<Record<string, string>> = {}) =>
          page.goto(authorizeUrl(instance, { client_id: clientId, redirect_uri: leadTo(target), state: 's', ...more }))

        /** Presses the button; the browser follows all the way to what the callback names. */
        async function arrivesBy(button: string, at: Page = page): Promise<void> {
          const reached = at.waitForEvent('request', (request) => request.url() === target)
          await at.click(button, { noWaitAfter: true })
          await reached
          if (target.startsWith('http:')) await at.waitForSelector('#arrived')
        }

        await ask()
        await page.fill('#username', clientId.toLowerCase())
        await page.fill('#password', PASSWORD)
        await page.click('#login-submit')
        await arrivesBy('#consent-approve')
        await ask({ prompt: 'login' })
        await page.fill('#password', PASSWORD)
        await arrivesBy('#login-submit')
        await ask({ prompt: 'consent' })
        await arrivesBy('#consent-deny')
        await page.goto(endSessionUrl(instance, { client_id: clientId, post_logout_redirect_uri: leadTo(target) }))
        await arrivesBy('#logout-confirm')
        await page.goto('about:blank')
        t.strictSame(
          complaints.filter((text) => /Content Security Policy|form-action/i.test(text)),
          [],
        )
      })
    }
  },
)
