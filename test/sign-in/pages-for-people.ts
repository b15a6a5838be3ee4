// SQLite alone: is about what a browser makes of the pages; test/sign-in/sign-in-pages.ts sends the same requests
import { request as ask, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { authorizeUrl, endSessionUrl } from '../fixtures/clients/endpoints.ts'
import { PASSWORD, startInstance } from '../fixtures/instance/instance.ts'
import { launchChromium, noChromium } from '../fixtures/sign-in/chromium.ts'

// A browser on a busy machine takes its time.
t.setTimeout(240_000)

const APP = { applicationUri: 'shop', name: 'Web shop', redirectUri: 'https://shop.example.com/cb' }
const EVERYTHING = 'openid profile email phone address offline_access read update'

/** A proxy that no cookie passes. */
async function forgetsCookies(t: Test): Promise<string> {
  const proxy = createServer(({ url = '', method, headers: { cookie, ...headers } }, response) => {
    const onward = ask(url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    onward.end()
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    proxy.close()
    proxy.closeAllConnections()
  })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

await t.test('in Chromium', { skip: noChromium() }, async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  await instance.addApp({
    ...{ applicationUri: APP.applicationUri, name: APP.name, scope: ['read', 'update'] },
    clientUri: 'https://shop.example.com/',
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [APP.redirectUri],
  })
  await instance.addUser({ login: 'david', name: 'David Miller' })
  await instance.addUser({ login: 'anna', name: 'Anna Berg' })
  const chromium = await launchChromium()
  t.teardown(() => chromium.close())

  const request = (parameters: Readonly<Record<string, string>> = {}): string =>
    authorizeUrl(instance, { client_id: APP.applicationUri, redirect_uri: APP.redirectUri, state: 's', ...parameters })

  async function open(t: Test, url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await chromium.newContext({ locale: 'en-GB', viewport: { width: 390, height: 844 }, ...options })
    t.teardown(() => context.close())
    context.setDefaultTimeout(20_000)
    const page = await context.newPage()
    await page.goto(url)
    return page
  }

  async function signIn(page: Page, login = 'david', password = PASSWORD): Promise<void> {
    await page.fill('#username', login)
    await page.fill('#password', password)
    await page.click('#login-submit')
  }

  const boxOf = async (page: Page, selector: string) => {
    const box = await page.locator(selector).boundingBox()
    if (!box) throw new Error(`${selector} is not on ${page.url()}`)
    return box
  }

  /** Within what the window shows without scrolling. */
  async function inView(t: Test, page: Page, selectors: readonly string[]): Promise<void> {
    for (const selector of selectors) {
      const { x, y, width, height } = await boxOf(page, selector)
      const window = page.viewportSize() ?? { width: 0, height: 0 }
      t.ok(x >= 0 && y >= 0 && x + width <= window.width && y + height <= window.height, `${selector} at ${y}`)
    }
  }
  const heading = (page: Page) => page.textContent('h1')
  const sideways = (page: Page) => page.evaluate('document.documentElement.scrollWidth - innerWidth')
  const FORM = ['h1', '#username', '#password', '#login-submit']

  await t.test('the focus is shown in the colour of the brand, by day and by night', async (t) => {
    for (const [colorScheme, colour] of [
      ['light', 'rgb(11, 116, 128)'],
      ['dark', 'rgb(121, 201, 194)'],
    ] as const) {
      const page = await open(t, request(), { colorScheme })
      const outline = await page.evaluate('getComputedStyle(document.querySelector("#username")).outline')
      t.match(outline, `${colour} solid 3px`, 'orange would read as an error')
    }
  })

  await t.test('390 x 400, the keyboard open: name, password, button and what went wrong fit', async (t) => {
    for (const locale of ['en', 'de', 'bg']) {
      const page = await open(t, request(), { locale, viewport: { width: 390, height: 400 } })
      await inView(t, page, FORM)
      await signIn(page, 'david', 'wrong')
      await page.waitForSelector('#problem')
      await inView(t, page, ['#problem', ...FORM])
    }
  })

  await t.test('an error does not move the title, and is told to those who cannot see it', async (t) => {
    for (const viewport of [
      { width: 390, height: 844 },
      { width: 1280, height: 800 },
    ]) {
      const page = await open(t, request(), { viewport })
      const before = await boxOf(page, 'h1')
      await signIn(page, 'david', 'wrong')
      await page.waitForSelector('#problem')
      t.strictSame(await boxOf(page, 'h1'), before)
      t.equal(await page.getAttribute('#problem', 'role'), 'alert')
      for (const id of ['username', 'password'])
        t.strictSame(
          [await page.getAttribute(`#${id}`, 'aria-describedby'), await page.getAttribute(`#${id}`, 'aria-invalid')],
          ['problem', 'true'],
        )
      t.notOk(await page.isVisible('#refusal-id'), 'the words for the person come first')
      await page.click('#for-administrator summary')
      t.match(await page.textContent('#refusal-id'), /^[0-9a-z]{16}$/)
    }
  })

  await t.test('the password can be shown, and is none of the words that a browser suggests', async (t) => {
    const page = await open(t, request())
    const shown = page.locator('button[data-reveal]')
    await page.fill('#password', 'what I typed')
    t.equal((await shown.textContent())?.trim(), 'Show password')
    await shown.click()
    t.strictSame(
      [await page.getAttribute('#password', 'type'), await page.inputValue('#password')],
      ['text', 'what I typed'],
    )
    t.strictSame(
      [(await shown.textContent())?.trim(), await shown.getAttribute('aria-pressed')],
      ['Hide password', 'true'],
    )
    await page.evaluate('document.querySelector("form").addEventListener("submit", (event) => event.preventDefault())')
    await page.fill('#username', 'david')
    await page.click('#login-submit')
    t.equal(await page.getAttribute('#password', 'type'), 'password', 'hidden again before it is sent')
    const without = await open(t, request(), { javaScriptEnabled: false })
    t.notOk(await without.isVisible('button[data-reveal]'), 'without scripts there is no button')
    await signIn(without)
    await without.waitForSelector('#consent-approve')
  })

  await t.test('consent: the buttons are always in sight, and the rest within reach', async (t) => {
    for (const viewport of [
      { width: 390, height: 844 },
      { width: 390, height: 400 },
      { width: 320, height: 480 },
      { width: 1280, height: 720 },
    ]) {
      const page = await open(t, request({ scope: EVERYTHING, prompt: 'consent' }), { viewport })
      await signIn(page)
      await page.waitForSelector('#consent-approve')
      await inView(t, page, ['#consent-approve', '#consent-deny'])
      t.equal(await sideways(page), 0)
      t.notOk(await page.isVisible('#identity li'), 'what tells who somebody is takes one line')
      await page.click('#identity summary')
      t.ok(await page.isVisible('#identity li'))
      await page.locator('.fine .where').scrollIntoViewIfNeeded()
      await inView(t, page, ['#consent-approve', '#consent-deny'])
    }
  })

  await t.test('consent at 400 %: the buttons leave the window to what is asked for, and come after it', async (t) => {
    const viewport = { width: 320, height: 256 }
    const page = await open(t, request({ scope: EVERYTHING, prompt: 'consent' }), { viewport })
    await signIn(page)
    await page.waitForSelector('#consent-approve')
    t.equal(await sideways(page), 0)
    await page.locator('.grants li').first().scrollIntoViewIfNeeded()
    t.ok((await boxOf(page, '#consent-approve')).y > viewport.height, 'below what is in sight')
    await page.focus('#consent-approve')
    await inView(t, page, ['#consent-approve', '#consent-deny'])
  })

  await t.test('not you? somebody else signs in and comes back to the same question, or nobody does', async (t) => {
    const page = await open(t, request({ scope: 'openid read', prompt: 'consent' }))
    await signIn(page)
    await page.click('#not-you')
    await page.waitForSelector('#login-submit')
    t.equal(await page.inputValue('#username'), '')
    t.match(await page.textContent('#stay'), 'Continue as David Miller')
    await page.click('#stay')
    t.match(await page.textContent('.person'), 'David Miller')
    await page.click('#not-you')
    await signIn(page, 'anna')
    await page.waitForSelector('#consent-approve')
    t.match(await page.textContent('.person'), 'Anna Berg')
    // Nothing answers at the app's address; being sent there is enough.
    const sent = page.waitForRequest(/^https:\/\/shop\.example\.com\/cb\?code=/)
    await page.click('#consent-approve')
    await sent
  })

  await t.test('another language, chosen below: every page keeps its place, and the next ones speak it', async (t) => {
    const page = await open(t, request({ scope: 'openid read', prompt: 'consent', ui_locales: 'de' }))
    t.equal(await heading(page), 'Anmelden', 'the app’s proposal comes first')
    await page.click('.languages [lang=bg]')
    t.equal(await heading(page), 'Вход')
    t.equal(await page.getAttribute('.languages [aria-current]', 'lang'), 'bg')
    await signIn(page, 'david', 'wrong')
    await page.waitForSelector('#problem')
    await page.click('.languages [lang=en]')
    t.equal(await heading(page), 'Sign in', 'also where a form was sent')
    await signIn(page)
    await page.waitForSelector('#consent-approve')
    t.equal(await heading(page), 'Allow access?')
    await page.click('.languages [lang=bg]')
    t.equal(await heading(page), 'Разрешавате ли достъп?')

    await page.goto(request({ client_id: 'nobody' }))
    const told = await page.textContent('#refusal-id')
    t.equal(await heading(page), 'За съжаление не се получи', 'remembered')
    await page.click('.languages [lang=en]')
    t.strictSame([await heading(page), await page.textContent('#refusal-id')], ['That didn’t work', told])
    t.match(await page.textContent('.lead'), 'not known here', 'in the same words')

    await page.goto(endSessionUrl(instance, { client_id: APP.applicationUri }))
    await page.click('.languages [lang=de]')
    t.equal(await heading(page), 'Abmelden?')
    await page.click('#logout-confirm')
    await page.waitForSelector('#back')
    t.equal(await heading(page), 'Sie sind abgemeldet')
    await page.click('.languages [lang=en]')
    t.match(await page.textContent('#back'), 'Back to Web shop')
  })

  await t.test('the signed-out page leads back to the app, or to where the instance begins', async (t) => {
    const page = await open(t, request({ prompt: 'login' }))
    await signIn(page)
    await page.waitForSelector('#consent-approve')
    await page.goto(endSessionUrl(instance, { client_id: APP.applicationUri }))
    await page.click('#logout-confirm')
    await page.waitForSelector('#back')
    t.equal(await page.getAttribute('#home', 'href'), '/id')
    t.equal(await page.getAttribute('#back', 'href'), 'https://shop.example.com/')
    await page.goto(`${instance.issuer}/logout/signed-out?app=nobody`)
    t.equal(await page.locator('#back').count(), 0)
    t.equal(await page.getAttribute('#home', 'href'), '/id')
  })

  await t.test('blocked cookies are called blocked cookies', async (t) => {
    const proxy = { server: await forgetsCookies(t), bypass: '<-loopback>' }
    const page = await open(t, request(), { proxy })
    t.equal(await page.textContent('#error-description'), 'the browser keeps no cookies of this server')
    t.match(await page.textContent('.lead'), /does not keep cookies of this site.*Allow cookies/)
    const again = new URL((await page.getAttribute('a.button', 'href')) ?? '')
    t.equal(`${again.origin}${again.pathname}`, `${instance.issuer}/connect/authorize`, 'and leads on')
  })

  await t.test('320 pixels: nothing is read sideways', async (t) => {
    for (const locale of ['de', 'bg']) {
      const page = await open(t, request({ scope: EVERYTHING, prompt: 'consent' }), {
        locale,
        viewport: { width: 320, height: 640 },
      })
      t.equal(await sideways(page), 0)
      await signIn(page, 'david', 'wrong')
      await page.waitForSelector('#problem')
      t.equal(await sideways(page), 0)
      await signIn(page)
      await page.click('#identity summary')
      t.equal(await sideways(page), 0)
      await page.goto(request({ client_id: 'nobody' }))
      t.equal(await sideways(page), 0)
    }
  })

  await t.test('the first stop of the keyboard leads past what comes before the page', async (t) => {
    const page = await open(t, request({ client_id: 'nobody' }))
    await page.keyboard.press('Tab')
    t.ok(await page.evaluate('document.activeElement.matches("a.skip")'))
    await page.keyboard.press('Enter')
    t.equal(await page.evaluate('document.activeElement.id'), 'main')
  })
})
