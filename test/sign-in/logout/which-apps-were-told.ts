import t, { type Test } from 'tap'
import type { AppRegistration } from '../../../src/domain/apps/trusted-application.ts'
import { MINUTE } from '../../../src/lib/time/clock.ts'
import { endSessionUrl } from '../../fixtures/clients/endpoints.ts'
import { startNotifiedApp } from '../../fixtures/clients/notified-app.ts'
import { createRelyingParty, webApp } from '../../fixtures/clients/relying-party.ts'
import { startInstance } from '../../fixtures/instance/instance.ts'
import { type Browser, createBrowser, type View } from '../../fixtures/sign-in/browser.ts'

const instance = await startInstance({ settings: { TESSERA_OUTBOUND_EXEMPT_HOSTS: '127.0.0.1' } })
t.teardown(() => instance.close())
await instance.addUser({ login: 'david' })

/** Registers an app, and signs somebody in to it in this browser. @returns an ID token */
async function use(browser: Browser, name: string, more: Partial<AppRegistration> = {}) {
  if (!(await instance.core.store.read.apps.find(name)))
    await instance.addApp({ ...webApp(name), requireConsent: false, ...more })
  return (await createRelyingParty(instance, { clientId: name, login: 'david' }, browser).obtainTokens()).id_token
}
const signOut = (browser: Browser, hint: string): Promise<View> =>
  browser.open(endSessionUrl(instance, { id_token_hint: hint }))
/** What the page says of each app, in its order. */
const toldOn = ({ page }: View) =>
  page
    .querySelectorAll('#told li')
    .map((each) => [each.querySelector('strong')?.text, each.querySelector('.muted')?.text])

async function notified(t: Test, browser: Browser, name: string, more: Partial<AppRegistration> = {}) {
  const site = await startNotifiedApp(t)
  const hint = await use(browser, name, { name, backchannelLogoutUri: site.uri, ...more })
  return { site, hint }
}

await t.test('each app that was told is named, in the reader’s language, with what it answered', async (t) => {
  const browser = createBrowser(instance.origin)
  await notified(t, browser, 'Sales Desk', { localizedNames: { de: 'Verkauf' } })
  const { site } = await notified(t, browser, 'Reports')
  site.answer = 503
  const hint = await use(browser, 'untold', { name: 'Never Told' })
  const view = await signOut(browser, hint)
  t.strictSame(toldOn(view), [
    ['Reports', 'does not answer. Close its windows yourself.'],
    ['Sales Desk', 'signed you out, too'],
  ])
  t.match(view.page.querySelector('.lead')?.text, /these apps were told:$/)
  t.notOk(view.text.includes('Never Told'))
  t.ok(view.page.querySelector('#home'), 'and the page leads on')

  const link = view.page.querySelector('.languages [lang=de]')?.getAttribute('href') ?? ''
  const german = await browser.open(new URL(link, view.url).href)
  t.strictSame(toldOn(german), [
    ['Reports', 'antwortet nicht. Schließen Sie die Fenster dieser App bitte selbst.'],
    ['Verkauf', 'hat Sie ebenfalls abgemeldet'],
  ])
  t.notOk(toldOn(await createBrowser(instance.origin).open(view.url)).length, 'nobody else reads it')
  await use(browser, 'untold')
  t.strictSame(toldOn(await browser.open(view.url)), [], 'nor does whoever signs in there next')

  const again = await signOut(browser, await use(browser, 'Reports'))
  t.equal(toldOn(again).length, 1)
  instance.advance(2 * MINUTE + 1)
  const later = await browser.open(again.url)
  t.strictSame([later.status, toldOn(later)], [200, []], 'nor does whoever comes later')
})

await t.test('an app that the browser tells is named after it was', async (t) => {
  const browser = createBrowser(instance.origin)
  const frontchannelLogoutUri = 'https://front.example.com/bye'
  const impersonateLoginUrl = ['https://front.example.com/cb']
  await instance.addApp({
    ...webApp('front'),
    name: 'Front',
    requireConsent: false,
    frontchannelLogoutUri,
    impersonateLoginUrl,
  })
  const [redirectUri = ''] = impersonateLoginUrl
  const party = createRelyingParty(instance, { clientId: 'front', login: 'david', redirectUri }, browser)
  const moving = await signOut(browser, (await party.obtainTokens()).id_token)
  const next = moving.page.querySelector('#logout-continue')?.getAttribute('href') ?? ''
  t.strictSame(toldOn(await browser.open(next)), [['Front', 'was told by your browser']])
})

await t.test('where none was told the page says nothing of it, whatever its address says', async (t) => {
  const browser = createBrowser(instance.origin)
  const view = await signOut(browser, await use(browser, 'untold'))
  t.equal(view.url, `${instance.issuer}/logout/signed-out`)
  t.notMatch(view.text, 'were told')
  for (const told of ['x', 'A'.repeat(400), '']) {
    const invented = await browser.open(`${instance.issuer}/logout/signed-out?${new URLSearchParams({ told })}`)
    t.strictSame([invented.status, toldOn(invented)], [200, []])
    t.notOk(invented.text.includes('told='), 'nor is it repeated')
  }
})

await t.test('of many apps twenty are named, and the rest counted', async (t) => {
  const browser = createBrowser(instance.origin)
  const { uri } = await startNotifiedApp(t)
  let hint = ''
  for (let index = 0; index < 23; index++)
    hint = await use(browser, `${'m'.repeat(125)}.${index}`, { backchannelLogoutUri: uri })
  const view = await signOut(browser, hint)
  t.equal(toldOn(view).length, 20)
  t.match(view.text, 'and 3 more')
})

await t.test('a browser gets a cookie for the list only where a page shows one', async (t) => {
  const back = 'https://leaving.example.com/bye'
  const { uri } = await startNotifiedApp(t)
  for (const [name, told, more] of [
    ['leaving', { backchannelLogoutUri: uri, impersonateLogoutUrl: [back] }, { post_logout_redirect_uri: back }],
    ['untold', {}, {}],
  ] as const) {
    const browser = createBrowser(instance.origin)
    const hint = await use(browser, name, told)
    await browser.jar.store.removeCookie(new URL(instance.origin).hostname, '/', 'tessera-browser')
    const view = await browser.open(endSessionUrl(instance, { id_token_hint: hint, ...more }))
    const kept = (await browser.jar.getCookies(instance.origin)).map(({ key }) => key)
    t.strictSame(
      [view.leftTo?.href ?? view.url, kept.includes('tessera-browser'), kept.includes('tessera-session')],
      [name === 'leaving' ? back : `${instance.issuer}/logout/signed-out`, false, false],
    )
  }
})
