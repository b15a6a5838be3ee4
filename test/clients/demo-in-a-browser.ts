// SQLite alone: the demo keeps its data in a file
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { LEAST_CONTRAST } from '../../src/domain/instance/contrast.ts'
import { demoFolder, demoPorts, startDemo } from '../fixtures/cli/demo.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { launchChromium, noChromium } from '../fixtures/sign-in/chromium.ts'
import { CONTRAST, ROOM } from '../fixtures/sign-in/look-at-page.ts'

/** Signs in on the identity server's pages, as a person does. */
async function signIn(page: Page, login: string, password: string): Promise<void> {
  await page.fill('#username', login)
  await page.fill('#password', password)
  await page.click('#login-submit')
}

/** On a narrow phone, by day and by night. */
async function isReadable(t: Test, page: Page): Promise<void> {
  const wide = page.viewportSize() ?? { width: 1280, height: 720 }
  await page.setViewportSize({ width: 320, height: 740 })
  t.strictSame(await page.evaluate(`(${ROOM})()`), [])
  await page.setViewportSize(wide)
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme })
    t.strictSame(await page.evaluate(`(${CONTRAST})(${LEAST_CONTRAST})`), [], colorScheme)
  }
}

await t.test('David signs in through the demo', { skip: noChromium() }, async (t) => {
  const { folder, remove } = demoFolder()
  const ports = await demoPorts()
  const demo = await startDemo(folder, ports)
  const browser = await launchChromium()
  t.teardown(async () => {
    await browser.close()
    await demo.stop()
    remove()
  })
  const context = await browser.newContext({ locale: 'en-GB' })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))

  await t.test('the web app: sign-in, consent, claims, API, refresh, sign-out', async (t) => {
    await page.goto(demo.urls.web)
    await page.click('#sign-in')
    t.equal(new URL(page.url()).pathname, '/id/login')
    await signIn(page, 'DAVID@example.com', demo.passwordOf('david'))
    t.equal(new URL(page.url()).pathname, '/id/consent')
    t.match(await page.textContent('main'), /Sales Desk/)
    t.match(await page.textContent('main'), new RegExp(`localhost:${ports.web}`))
    await page.click('#consent-approve')
    t.equal(new URL(page.url()).origin, new URL(demo.urls.web).origin)
    for (const known of [/David Miller/, /zoneinfoEurope\/London/, /street_address/, /phone_number_verifiedtrue/])
      t.match(await page.textContent('#claims'), known)
    t.match(await page.locator('#customers tbody tr').count(), 10)
    await isReadable(t, page)
    const before = await page.textContent('#access-token-id')
    await page.click('#refresh')
    t.not(await page.textContent('#access-token-id'), before, 'another access token came')
    await page.click('#sign-out')
    t.equal(page.url(), demo.urls.web)
    await page.click('#sign-in')
    t.equal(new URL(page.url()).pathname, '/id/login', 'the session at the identity server ended too')
  })

  await t.test('two tabs: a sign-in that was begun in one ends well after that of the other', async (t) => {
    await page.goto(demo.urls.web)
    const other = await context.newPage()
    await other.goto(demo.urls.web)
    for (const tab of [page, other]) await tab.click('#sign-in')
    for (const tab of [page, other]) {
      await signIn(tab, 'david', demo.passwordOf('david'))
      await tab.waitForSelector('#customers tbody tr')
    }
    await other.setViewportSize({ width: 360, height: 740 })
    t.ok(await other.evaluate('document.documentElement.scrollWidth <= 360'), 'what it shows fits a phone')
    t.notOk(
      await other.evaluate(
        '[...document.querySelectorAll(".scroll")].some((box) => box.scrollWidth > box.clientWidth)',
      ),
    )
    await other.close()
    await page.click('#sign-out')
  })

  await t.test('the single-page app: PKCE without a secret, and the API across origins', async (t) => {
    await page.goto(demo.urls.spa)
    await page.click('#sign-in')
    await page.waitForSelector('#username')
    await signIn(page, 'david', 'not the password')
    t.match(await page.textContent('[role=alert]'), /is incorrect/)
    await signIn(page, 'david', demo.passwordOf('david'))
    await page.click('#consent-approve')
    await page.waitForSelector('#customers tbody tr')
    t.match(await page.textContent('#claims'), /david@example\.com/)
    await isReadable(t, page)
    await page.click('#sign-out')
    await page.waitForSelector('#sign-in')
  })

  await t.test('signing out of the web app signs the single-page app out', async (t) => {
    await page.goto(demo.urls.web)
    await page.click('#sign-in')
    await signIn(page, 'david', demo.passwordOf('david'))
    await page.waitForSelector('#customers tbody tr')
    const board = await context.newPage()
    await board.goto(demo.urls.spa)
    await board.click('#sign-in')
    await board.click('#consent-approve')
    await board.waitForSelector('#customers tbody tr')
    await page.click('#sign-out')
    t.equal(page.url(), demo.urls.web)
    const shown = async () => {
      await board.evaluate('window.dispatchEvent(new Event("focus"))')
      return board.textContent('#status')
    }
    // The API hears of it within five seconds, and the page when somebody comes back to it.
    const status = await eventually(shown, (text) => text?.startsWith('You are signed out.') === true, 30_000)
    t.equal(status, 'You are signed out. Your session ended at the identity server, in another app or there.')
    t.equal(await board.locator('#customers').isVisible(), false)
    await board.close()
  })

  t.strictSame(
    complaints.filter((text) => !/status of 401/.test(text)),
    [],
    'no page broke its content security policy',
  )

  await t.test('the background service calls the API with its own token, and says so once', async (t) => {
    await demo.printed(/svc\.sync.*200/)
    const said = [...demo.output().matchAll(/ {2}sync {2}(.*)/g)].map(([, line]) => line)
    t.strictSame(
      said,
      said.filter((line, index) => line !== said[index - 1]),
      'the passwords stay on the screen',
    )
  })

  await t.test('a second start finds its data again; a taken port gives one line', async (t) => {
    const password = demo.passwordOf('david')
    await t.rejects(startDemo(folder, ports), /port \d+ .*--port/i)
    t.equal(await demo.stop(), 0)
    const again = await startDemo(folder, ports)
    t.equal(again.passwordOf('david'), password)
    t.equal(await again.stop(), 0)
  })
})
