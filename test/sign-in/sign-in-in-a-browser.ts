// SQLite alone: is about what a browser makes of the pages; test/sign-in/sign-in-pages.ts sends the same requests
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { authorizeUrl, endSessionUrl } from '../fixtures/clients/endpoints.ts'
import { PASSWORD, startInstance } from '../fixtures/instance/instance.ts'
import { launchChromium, noChromium } from '../fixtures/sign-in/chromium.ts'

const APP = 'my.trusted.app/web'

// A browser on a busy machine takes its time.
/** A tiny site of its own origin. */
async function site(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The luminance of the heading's text and of the first background painted behind it, from 0 to 1. @see WCAG 2.2 §1.4.3 */
const lightOf = (page: Page): Promise<{ text: number; back: number }> =>
  page.evaluate(`(() => {
    const luminance = (color) => {
      const canvas = document.createElement('canvas').getContext('2d')
      canvas.fillStyle = color
      canvas.fillRect(0, 0, 1, 1)
      const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((byte) => {
        const part = byte / 255
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const element = document.querySelector('h1')
    let behind = element
    const backgroundOf = (node) => getComputedStyle(node).backgroundColor
    while (behind.parentElement && /^(rgba\\(0, 0, 0, 0\\)|transparent)$/.test(backgroundOf(behind))) behind = behind.parentElement
    return { text: luminance(getComputedStyle(element).color), back: luminance(backgroundOf(behind)) }
  })()`)

await t.test('in Chromium', { skip: noChromium() }, async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  let people = 0
  // Where people see the app in the end, and the callback that sends them there, as apps behind a gateway do.
  const home = await site(t, (_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end('<!doctype html><link rel="icon" href="data:,"><title>home</title><p id="arrived">Welcome</p>')
  })
  const callback = await site(t, ({ url = '' }, response) => {
    response.writeHead(302, { location: `${home}${url}` }).end()
  })
  const loginUrl = `${callback}/cb`
  const internal = { impersonateAsInternalUserAllowed: true, impersonateLoginUrl: [loginUrl], scope: ['read'] }
  await instance.addApp({
    applicationUri: APP,
    name: 'Web shop',
    ...internal,
    impersonateLogoutUrl: [`${callback}/bye`],
  })
  await instance.addApp({ applicationUri: 'trusted', ...internal, requireConsent: false })
  await instance.addApp({ applicationUri: 'long', name: 'W'.repeat(200), ...internal, scope: ['s'.repeat(64)] })

  const chromium = await launchChromium()
  t.teardown(() => chromium.close())

  const request = (parameters: Readonly<Record<string, string>> = {}): string =>
    authorizeUrl(instance, { client_id: APP, redirect_uri: loginUrl, state: 's', ...parameters })
  /** Waits until a page of ours is there, its style sheet included. */
  async function at(page: Page, path: string): Promise<void> {
    await page.waitForURL(({ origin, pathname }) => origin === instance.origin && pathname === path)
    await page.waitForLoadState('load')
  }
  const endSession = (parameters: Readonly<Record<string, string>> = {}): string => endSessionUrl(instance, parameters)

  /** A person who has allowed nothing yet, in a browser of their own, and what its console complains of. */
  async function person(t: Test, options: BrowserContextOptions = {}) {
    const { login } = await instance.addUser({ login: `person${people++}` })
    const context = await chromium.newContext({ locale: 'en-GB', ...options })
    t.teardown(() => context.close())
    context.setDefaultTimeout(10_000)
    const complaints: string[] = []
    const open = async (url: string): Promise<Page> => {
      const page = await context.newPage()
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
      page.on('pageerror', (error) => complaints.push(error.message))
      await page.goto(url)
      return page
    }
    const signIn = async (page: Page): Promise<void> => {
      await page.fill('#username', login)
      await page.fill('#password', PASSWORD)
      await page.click('#login-submit')
    }
    return { context, login, open, signIn, complaints }
  }

  /** The app's home was reached, past its callback, with the answer. */
  async function arrived(t: Test, page: Page, path: string, names: readonly string[]): Promise<void> {
    await page.waitForSelector('#arrived')
    const { origin, pathname, searchParams } = new URL(page.url())
    t.strictSame([origin, pathname, [...searchParams.keys()]], [home, path, names])
  }
  const ANSWER = ['code', 'session_state', 'state', 'iss']

  const signedIn = async (context: BrowserContext): Promise<boolean> =>
    (await context.cookies(instance.origin)).some(({ name }) => name === 'tessera-session')

  for (const javaScriptEnabled of [true, false]) {
    await t.test(`the app sends the browser on to another origin, JavaScript ${javaScriptEnabled}`, async (t) => {
      const { context, open, signIn, complaints } = await person(t, { javaScriptEnabled })
      const page = await open(request({ client_id: 'trusted' }))
      await at(page, '/id/login')
      await signIn(page)
      await arrived(t, page, '/cb', ANSWER)

      await page.goto(request())
      await at(page, '/id/consent')
      await page.click('#consent-approve')
      await arrived(t, page, '/cb', ANSWER)

      await page.goto(request({ prompt: 'consent' }))
      await page.click('#consent-deny')
      await arrived(t, page, '/cb', ['error', 'error_description', 'error_uri', 'session_state', 'state', 'iss'])

      await page.goto(endSession({ client_id: APP, post_logout_redirect_uri: `${callback}/bye`, state: 'st' }))
      await at(page, '/id/logout')
      t.ok(await signedIn(context))
      await page.click('#logout-confirm')
      await arrived(t, page, '/bye', ['state'])
      t.notOk(await signedIn(context))
      t.strictSame(complaints, [], 'no page broke its content security policy')
    })
  }

  await t.test('the keyboard is enough', async (t) => {
    const { context, login, open, complaints } = await person(t)
    const page = await open(request())
    const focused = () => page.evaluate('document.activeElement?.id ?? ""')
    t.equal(await focused(), 'username', 'one can type at once')
    await page.keyboard.type(login)
    await page.keyboard.press('Tab')
    t.equal(await focused(), 'password')
    await page.keyboard.type('not the password')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#problem')
    t.equal(await focused(), 'password', 'the name need not be typed again')
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press('Tab')
    t.equal(await page.evaluate('document.activeElement.textContent.trim()'), 'Show password')
    await page.keyboard.press('Tab')
    t.equal(await focused(), 'login-submit')
    await page.keyboard.press('Space')
    await page.waitForSelector('#consent-approve')
    await page.keyboard.press('Tab')
    t.equal(await page.evaluate('document.activeElement.getAttribute("href")'), '#main', 'past what comes before')
    await page.keyboard.press('Tab')
    t.equal(await focused(), 'not-you')
    await page.keyboard.press('Tab')
    t.equal(await focused(), 'consent-approve')
    await page.keyboard.press('Tab')
    t.equal(await focused(), 'consent-deny')
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Enter')
    await arrived(t, page, '/cb', ANSWER)
    await page.goto(endSession())
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    t.equal(await focused(), 'logout-confirm')
    await page.keyboard.press('Enter')
    await page.waitForURL(`${instance.issuer}/logout/signed-out`)
    t.notOk(await signedIn(context))
    t.strictSame(
      complaints.filter((text) => !/status of 401/.test(text)),
      [],
    )
  })

  await t.test('two tabs side by side both end at the app', async (t) => {
    const { open, signIn, complaints } = await person(t)
    const [one, two] = [await open(request({ state: 'one' })), await open(request({ state: 'two' }))]
    await signIn(one)
    await signIn(two)
    for (const page of [one, two]) await at(page, '/id/consent')
    await two.click('#consent-approve')
    await one.click('#consent-approve')
    for (const [page, state] of [
      [one, 'one'],
      [two, 'two'],
    ] as const) {
      await arrived(t, page, '/cb', ANSWER)
      t.equal(new URL(page.url()).searchParams.get('state'), state)
    }
    t.strictSame(complaints, [])
  })

  for (const [width, colorScheme] of [
    [390, 'dark'],
    [320, 'light'],
  ] as const) {
    await t.test(`${width} pixels, ${colorScheme}: nothing sticks out, and text can be read`, async (t) => {
      const { open, signIn, complaints } = await person(t, { colorScheme, viewport: { width, height: 700 } })
      const page = await open(request({ client_id: 'long', scope: `openid ${'s'.repeat(64)}`, ui_locales: 'de' }))
      const looks = async (path: string): Promise<void> => {
        await at(page, path)
        t.equal(await page.evaluate('document.documentElement.scrollWidth'), width, path)
        const { text, back } = await lightOf(page)
        t.ok((Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05) >= 4.5, `the heading of ${path}`)
        t.ok(colorScheme === 'dark' ? back < 0.2 : back > 0.8, `${colorScheme} background`)
        for (const button of await page.$$('button')) {
          const box = await button.boundingBox()
          t.ok(box && box.x >= 0 && box.x + box.width <= width && box.height >= 24, 'a finger can hit it')
        }
      }
      await looks('/id/login')
      await page.fill('#username', 'x'.repeat(250))
      await page.fill('#password', 'x')
      await page.click('#login-submit')
      await page.waitForSelector('#problem')
      await looks('/id/login')
      await signIn(page)
      await looks('/id/consent')
      await page.goto(endSession({ client_id: 'long', ui_locales: 'bg' }))
      await looks('/id/logout')
      await page.click('#logout-confirm')
      await looks('/id/logout/signed-out')
      await page.goto(request({ redirect_uri: `https://evil.test/${'x'.repeat(300)}` }))
      await looks('/id/connect/authorize')
      t.strictSame(
        complaints.filter((text) => !/status of 40[01]/.test(text)),
        [],
      )
    })
  }
})
