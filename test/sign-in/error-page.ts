import t from 'tap'
import { refusedByPage } from '../fixtures/answers/refusals.ts'
import { authorizeUrl, endSessionUrl } from '../fixtures/clients/endpoints.ts'
import { enableApp, startWorld } from '../fixtures/instance/world.ts'
import { createBrowser, type View } from '../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t)
const HOME = 'https://sales.example.com/'
const REDIRECT = 'https://sales.example.com/cb'
const people = { impersonateAsInternalUserAllowed: true, impersonateLoginUrl: [REDIRECT] }

await instance.addApp({
  applicationUri: 'sales',
  name: 'Sales Desk',
  localizedNames: { de: 'Verkauf' },
  clientUri: HOME,
  ...people,
})
await instance.addApp({ applicationUri: 'homeless', name: 'Nomad', ...people })
await instance.addApp({
  applicationUri: 'stranger',
  name: 'Your Bank',
  clientUri: HOME,
  selfRegistered: true,
  ...people,
})
await instance.addApp({ applicationUri: 'off', name: 'Switched Off', clientUri: HOME, ...people })
await instance.addApp({ applicationUri: 'note', name: 'A Note', clientUri: HOME, clientType: 'None', ...people })
await instance.addApp({ applicationUri: 'service', name: 'Night Job', clientUri: HOME, systemUserAllowed: true })
await enableApp(instance, 'off', false)

const ask = (client_id: string, parameters: Readonly<Record<string, string>> = {}): Promise<View> =>
  createBrowser(instance.origin).open(
    authorizeUrl(instance, { client_id, redirect_uri: 'https://elsewhere.example.com/', ...parameters }),
  )
const lead = ({ page }: View) => page.querySelector('.lead')?.text
/** Where the page leads, by the id of the link, and which of it stands out. */
const waysOf = ({ page }: View) =>
  page
    .querySelectorAll('main .actions a')
    .map((way) => [way.id, way.getAttribute('href'), way.classList.contains('primary')])
const UNREGISTERED = {
  status: 400,
  error: 'invalid_request',
  description: 'redirect_uri is not registered for this app',
}

await t.test('an app that is known for certain is named, and led back to', async (t) => {
  const view = await ask('sales')
  refusedByPage(t, instance, view, UNREGISTERED)
  t.match(lead(view), /^\u2068Sales Desk\u2069 sent a request that we cannot accept/)
  t.strictSame(waysOf(view), [
    ['back', HOME, true],
    ['home', '/id', false],
  ])
  t.match(view.page.querySelector('#back')?.text, 'Back to Sales Desk')
  const german = await ask('sales', { ui_locales: 'de' })
  t.match(lead(german), /^\u2068Verkauf\u2069 hat eine Anfrage gesendet/)
  t.match(
    view.page.querySelector('details#for-administrator')?.text,
    /Refusal ID.*redirect_uri is not registered for this app/s,
  )
})

await t.test('also where redirect_uri was not sent, or twice', async (t) => {
  const bare = `${instance.issuer}/connect/authorize?response_type=code&scope=openid&client_id=sales`
  for (const url of [bare, `${bare}&redirect_uri=https://a.example/&redirect_uri=https://b.example/`])
    t.match(lead(await createBrowser(instance.origin).open(url)), 'Sales Desk')
})

await t.test('in another language the page still names it', async (t) => {
  const browser = createBrowser(instance.origin)
  const view = await browser.open(
    authorizeUrl(instance, { client_id: 'sales', redirect_uri: 'https://elsewhere.example.com/' }),
  )
  const link = view.page.querySelector('.languages [lang=de]')?.getAttribute('href') ?? ''
  const german = await browser.open(new URL(link, view.url).href)
  t.match(lead(german), 'Verkauf')
  t.equal(german.page.querySelector('#back')?.getAttribute('href'), HOME)
})

await t.test('a sign-in that took too long begins again, or leads back to the app', async (t) => {
  const browser = createBrowser(instance.origin)
  const page = await browser.open(authorizeUrl(instance, { client_id: 'sales', redirect_uri: REDIRECT }))
  instance.advance(16 * 60 * 1000)
  const late = await browser.open(page.url)
  t.match(lead(late), /Go back to \u2068Sales Desk\u2069 and sign in again/)
  const restart = late.page.querySelector('#restart')?.getAttribute('href')
  t.strictSame(waysOf(late), [
    ['restart', restart, true],
    ['back', HOME, false],
  ])
  t.match(restart, '/connect/authorize?client_id=sales')
})

await t.test('a sign-out that is refused names the app, too', async (t) => {
  const url = endSessionUrl(instance, {
    client_id: 'sales',
    post_logout_redirect_uri: 'https://elsewhere.example.com/',
  })
  const view = await createBrowser(instance.origin).open(url)
  t.match(lead(view), 'Sales Desk')
  t.strictSame(waysOf(view), [
    ['restart', `${instance.issuer}/connect/endsession`, true],
    ['back', HOME, false],
  ])
})

await t.test('an app without a home leads to where the instance begins', async (t) => {
  const view = await ask('homeless')
  t.match(lead(view), 'Nomad')
  t.strictSame(waysOf(view), [['home', '/id', true]])
})

await t.test(
  'nobody is named who is not known, switched off, no app to sign in to, or vouched for by nobody',
  async (t) => {
    for (const client_id of ['nobody', 'off', 'note', 'stranger', 'service', '\u2068sales']) {
      const view = await ask(client_id)
      t.notMatch(view.text, /Switched Off|Your Bank|A Note|Night Job|sales\.example\.com/)
      t.match(lead(view), client_id === 'stranger' ? /^The app sent/ : /^The app/)
      t.strictSame(waysOf(view), [['home', '/id', true]], client_id)
      const signedOut = `${instance.issuer}/logout/signed-out?${new URLSearchParams({ app: client_id })}`
      t.notMatch((await createBrowser(instance.origin).open(signedOut)).text, /Switched Off|Your Bank|A Note|Night Job/)
    }
  },
)

await t.test(
  'who guesses an ApplicationUri, or takes what was sealed with another refusal, learns no name',
  async (t) => {
    const browser = createBrowser(instance.origin)
    const error = (fields: Readonly<Record<string, string>>) =>
      browser.open(`${instance.issuer}/error?${new URLSearchParams(fields)}`)
    for (const app of ['sales', 'service', 'stranger', 'off', 'nobody', ''])
      t.notMatch(
        (await error({ refusal: '0'.repeat(16), app })).text,
        /Sales Desk|Night Job|Your Bank|sales\.example/,
        app,
      )
    const link = (await ask('sales')).page.querySelector('.languages [lang=de]')?.getAttribute('href') ?? ''
    const { refusal = '', why = '', app = '' } = Object.fromEntries(new URL(link, instance.origin).searchParams)
    t.match(lead(await error({ refusal, why, app, ui_locales: 'en' })), 'Sales Desk')
    t.match(lead(await error({ refusal: '0'.repeat(16), why, app, ui_locales: 'en' })), /^The app/)
  },
)

await t.test('where there is nothing, the page leads to where the instance begins', async (t) => {
  const browser = createBrowser(instance.origin)
  for (const path of ['/nothing', '/id/nothing', '/id/error?refusal=x']) {
    const view = await browser.follow(`${instance.origin}${path}`, { headers: { accept: 'text/html' } })
    t.equal(view.status, 404)
    t.strictSame(waysOf(view), [['home', '/id', true]])
  }
})

await t.test('while the database is away the page names nobody, and is there', async (t) => {
  const { apps } = instance.core.store.read
  const view = await (async () => {
    const { find } = apps
    try {
      let calls = 0
      Object.assign(apps, {
        // The request itself finds the app, to read it and to check it; the page that follows does not.
        find: (uri: string) => (calls++ < 2 ? find(uri) : Promise.reject(new Error('away'))),
      })
      return await ask('sales')
    } finally {
      Object.assign(apps, { find })
    }
  })()
  refusedByPage(t, instance, view, UNREGISTERED)
  t.match(lead(view), /^The app sent/)
})
