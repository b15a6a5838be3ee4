// SQLite alone: is about what a browser makes of the pages; test/sign-in/sign-in-pages.ts sends the same requests
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { LEAST_CONTRAST } from '../../src/domain/instance/contrast.ts'
import { openAddress } from '../fixtures/clients/address.ts'
import { authorizeUrl, endSessionUrl } from '../fixtures/clients/endpoints.ts'
import { startNotifiedApp } from '../fixtures/clients/notified-app.ts'
import { PASSWORD, startInstance } from '../fixtures/instance/instance.ts'
import { launchChromium, noChromium } from '../fixtures/sign-in/chromium.ts'
import { CONTRAST, FOCUS, NAMES, ROOM, TARGETS } from '../fixtures/sign-in/look-at-page.ts'

// A browser on a busy machine takes its time.
t.setTimeout(300_000)

const EVERYTHING = 'openid profile email phone address offline_access read update'
const REDIRECT = `https://${'shop'.repeat(12)}.example.com/cb`
const LONG = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft'.repeat(2)
const WIDTHS = [320, 390, 1280] as const

await t.test('in Chromium', { skip: noChromium() }, async (t) => {
  const instance = await startInstance({
    settings: { TESSERA_INSTANCE_NAME: LONG.slice(0, 100), TESSERA_OUTBOUND_EXEMPT_HOSTS: '127.0.0.1' },
  })
  t.teardown(() => instance.close())
  const { uri: backchannelLogoutUri } = await startNotifiedApp(t)
  const app = {
    ...{ applicationUri: 'shop', name: LONG, scope: ['read', 'update'], impersonateLoginUrl: [REDIRECT] },
    ...{ clientUri: 'https://shop.example.com/', policyUri: 'https://shop.example.com/p' },
    impersonateAsInternalUserAllowed: true,
  }
  await instance.addApp(app)
  const site = await openAddress(t, '127.0.0.1')
  site.serve((_, response) => response.end('an app'))
  const isTold = { frontchannelLogoutUri: `${site.url}/bye`, backchannelLogoutUri }
  const told = { ...app, ...isTold, applicationUri: 'told', impersonateLoginUrl: [`${site.url}/cb`] }
  await instance.addApp({ ...told, requireConsent: false })
  await instance.addUser({ login: `david.${'miller'.repeat(20)}`, name: `David ${LONG}` })
  await instance.addUser({ login: 'anna', name: 'Anna' })
  const login = `david.${'miller'.repeat(20)}`

  const request = (parameters: Readonly<Record<string, string>> = {}): string =>
    authorizeUrl(instance, { client_id: 'shop', redirect_uri: REDIRECT, state: 's', ...parameters })

  async function enter(page: Page, password: string): Promise<void> {
    if ((await page.locator('#not-you').count()) === 0) await page.fill('#username', login)
    await page.fill('#password', password)
    await page.click('#login-submit')
  }

  /** A phone, on which nothing moves by itself. */
  async function openPage(browser: Browser, locale: string, javaScriptEnabled: boolean) {
    const phone = { viewport: { width: 390, height: 844 }, reducedMotion: 'reduce' } as const
    const context = await browser.newContext({ ...phone, locale, javaScriptEnabled })
    context.setDefaultTimeout(20_000)
    return { context, page: await context.newPage() }
  }

  /** Goes through every page that somebody comes to, and stops at each. */
  async function walk(browser: Browser, locale: string, look: (page: Page, name: string) => Promise<void>) {
    const { context, page } = await openPage(browser, locale, true)
    await page.goto(instance.origin)
    await page.click('#developers summary')
    await look(page, 'landing')
    await page.goto(request({ scope: EVERYTHING, prompt: 'consent' }))
    await look(page, 'sign-in')
    await enter(page, 'wrong')
    await page.waitForSelector('#problem')
    await page.click('#for-administrator summary')
    await look(page, 'sign-in after a mistake')
    await enter(page, PASSWORD)
    await page.click('#identity summary')
    await look(page, 'consent')
    await page.click('#not-you')
    await page.waitForSelector('#stay')
    await look(page, 'sign-in of somebody else')
    await page.goto(request({ client_id: 'told', redirect_uri: `${site.url}/cb`, scope: 'openid' }))
    await page.goto(request({ prompt: 'login' }))
    await look(page, 'confirm')
    await enter(page, 'wrong')
    await page.waitForSelector('#problem')
    await look(page, 'confirm after a mistake')
    await page.goto(instance.origin)
    await look(page, 'landing of somebody who is signed in')
    await page.goto(request({ redirect_uri: 'https://elsewhere.example.com/' }))
    await look(page, 'error of an app')
    await page.goto(`${instance.issuer}/login?interaction=gone`)
    await look(page, 'error')
    await page.goto(`${instance.issuer}/no-such-page`)
    await look(page, 'nothing there')
    await page.goto(endSessionUrl(instance, { client_id: 'shop' }))
    await look(page, 'sign-out')
    await page.click('#logout-confirm')
    await page.waitForSelector('#told')
    await look(page, 'signed out')
    await context.close()
  }

  /** The pages that move on at once where scripts run. */
  async function walkWithoutScripts(
    browser: Browser,
    locale: string,
    look: (page: Page, name: string) => Promise<void>,
  ) {
    const { context, page } = await openPage(browser, locale, false)
    await page.goto(
      request({ client_id: 'told', redirect_uri: `${site.url}/cb`, scope: 'openid', response_mode: 'form_post' }),
    )
    await enter(page, PASSWORD)
    await page.waitForSelector('#form-post-submit')
    await look(page, 'back to the app')
    await page.goto(endSessionUrl(instance, { client_id: 'told' }))
    await page.click('#logout-confirm')
    await page.waitForSelector('#logout-continue')
    await look(page, 'signing out')
    await context.close()
  }

  const askPage = (page: Page, what: string, argument?: unknown): Promise<string[]> =>
    page.evaluate(`(${what})(${JSON.stringify(argument)})`)
  const none = (t: Test, found: readonly string[], where: string) => t.strictSame(found, [], where)

  await t.test('names, contrast, focus and targets, in three languages, by day and by night', async (t) => {
    const browser = await launchChromium()
    t.teardown(() => browser.close())
    for (const locale of ['en', 'de', 'bg']) {
      const look = async (page: Page, name: string): Promise<void> => {
        const where = `${name}, ${locale}`
        none(t, await askPage(page, NAMES, locale), where)
        none(t, await askPage(page, TARGETS), `${where}: targets`)
        for (const colorScheme of ['dark', 'light'] as const) {
          await page.emulateMedia({ colorScheme })
          none(t, await askPage(page, CONTRAST, LEAST_CONTRAST), `${where}: contrast, ${colorScheme}`)
        }
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 844 })
          none(t, await askPage(page, ROOM), `${where}: ${width} pixels`)
        }
        await page.setViewportSize({ width: 390, height: 844 })
        await page.keyboard.press('Shift')
        none(t, await askPage(page, FOCUS), `${where}: focus`)
      }
      await walk(browser, locale, look)
      await walkWithoutScripts(browser, locale, look)
    }
  })

  await t.test('letters of twice the size: nothing is cut on a phone', async (t) => {
    const browser = await launchChromium(['--blink-settings=defaultFontSize=32'])
    t.teardown(() => browser.close())
    const look = async (page: Page, name: string): Promise<void> => {
      t.equal(await page.evaluate('getComputedStyle(document.documentElement).fontSize'), '32px')
      none(t, await askPage(page, ROOM), name)
    }
    for (const locale of ['de', 'bg']) {
      await walk(browser, locale, look)
      await walkWithoutScripts(browser, locale, look)
    }
  })
})
