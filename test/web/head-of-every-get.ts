// SQLite alone: is about headers, hosts and addresses, which no database sees
import t from 'tap'
import { addTool, TOOL } from '../fixtures/admin/admin.ts'
import { obtainTokens } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, serviceToken } from '../fixtures/clients/endpoints.ts'
import { bearer, send } from '../fixtures/clients/http.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { METRICS } from '../fixtures/instance/metrics.ts'
import { routesOf } from '../fixtures/instance/routes.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { query } from '../fixtures/store/database.ts'

const { instance } = await startWorld(t, { ...METRICS, TESSERA_REGISTRATION: 'open' })
await addTool(instance)
const admin = bearer(await serviceToken(instance, TOOL))
const person = bearer((await obtainTokens(instance)).access_token)

/** What differs between two answers to the very same GET: time, and what is sealed or made anew. */
const VARIES = ['date', 'location', 'set-cookie', 'x-ratelimit-reset', 'keep-alive', 'connection']

const constantOf = (headers: Headers): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => !VARIES.includes(name)))

await t.test('RFC 9110 §9.3.2: HEAD of everything that can be read: the headers of GET, and no body', async (t) => {
  const routes = routesOf(instance.server)
  const readable = routes.filter(([method]) => method === 'GET').map(([, url]) => url)
  t.ok(readable.length > 35, `${readable.length} routes`)
  for (const url of readable) {
    const path = url.replace('*', 'tessera.css').replace(/:\w+/g, 'x')
    const headers = path.startsWith('/manage') ? admin : path.startsWith('/profile/me') ? person : {}
    const get = await send(`${instance.origin}${path}`, { headers })
    const head = await send(`${instance.origin}${path}`, { method: 'HEAD', headers })
    t.equal(head.status, get.status, url)
    t.equal(head.text, '', url)
    // The process goes on, and so do its figures.
    const apart = url === '/metrics' ? ['content-length'] : []
    const [asked, got] = [constantOf(head.headers), constantOf(get.headers)]
    for (const name of apart) delete asked[name]
    for (const name of apart) delete got[name]
    t.strictSame(asked, got, url)
  }
})

/** Where a redirect leads to, and with which parameters; what is sealed in them differs each time. */
function leadsTo(headers: Headers): string {
  const { pathname, searchParams } = new URL(headers.get('location') ?? '/', instance.issuer)
  return [pathname, ...searchParams.keys()].join(' ')
}
const namesOfCookies = (headers: Headers): string[] => headers.getSetCookie().map((text) => text.split('=')[0] ?? '')

await t.test(
  'HEAD of a page of a sign-in or sign-out under way, by a browser with its cookie and without',
  async (t) => {
    const browser = createBrowser(instance.origin)
    const request = { client_id: WEB, redirect_uri: WEB_REDIRECT, scope: 'openid read' }
    const login = await browser.open(authorizeUrl(instance, request))
    const interaction = new URL(login.url).search
    const logout = await browser.request(`${instance.issuer}/connect/endsession`)
    const pages = [
      ...['/login', '/consent', '/connect/authorize/continue'].flatMap((path) => [
        `${path}${interaction}`,
        `${path}${interaction}&cookies=asked`,
        `${path}?interaction=x`,
      ]),
      `/logout${new URL(logout.headers.get('location') ?? '').search}`,
      '/connect/endsession?client_id=nobody',
      `/connect/endsession?client_id=${WEB}`,
      `/logout/signed-out?app=${WEB}`,
      `/connect/authorize?client_id=${WEB}`,
      ...['', '&prompt=none', '&response_type=token'].map(
        (more) => `/connect/authorize${new URL(authorizeUrl(instance, request)).search}${more}`,
      ),
    ]
    for (const page of pages) {
      const url = `${instance.issuer}${page}`
      for (const ask of [send, browser.request]) {
        const get = await ask(url, { redirect: 'manual' })
        const head = await ask(url, { method: 'HEAD', redirect: 'manual' })
        const what = `${page.slice(0, 40)} ${ask === send ? 'without' : 'with'} the cookie: ${get.status}`
        t.equal(head.status, get.status, what)
        t.strictSame(constantOf(head.headers), constantOf(get.headers), what)
        t.equal(leadsTo(head.headers), leadsTo(get.headers), what)
        t.strictSame(namesOfCookies(head.headers), namesOfCookies(get.headers), what)
      }
    }
  },
)

await t.test('AU-20: HEAD issues, grants and ends nothing', async (t) => {
  const browser = createBrowser(instance.origin)
  const request = { client_id: WEB, redirect_uri: WEB_REDIRECT, scope: 'openid read' }
  const login = await browser.open(authorizeUrl(instance, request))
  const consent = await browser.submit(login, 'login-submit', { username: 'david', password: PASSWORD })
  if (consent.page.querySelector('#consent-approve')) await browser.submit(consent, 'consent-approve')
  const codes = async () => (await query(instance, 'select count(*) as n from authorization_codes'))[0]
  const before = await codes()
  const underWay = await browser.request(`${instance.issuer}/connect/authorize`, {
    method: 'POST',
    body: new URL(authorizeUrl(instance, request)).searchParams,
  })
  const onward = underWay.headers.get('location') ?? ''
  t.match(onward, '/connect/authorize/continue?interaction=')
  for (const address of [authorizeUrl(instance, request), onward]) {
    const { status, headers } = await browser.request(address, { method: 'HEAD' })
    t.strictSame(
      [status, headers.get('location')],
      [303, null],
      'the status of GET, which ends here: no code, and no circle',
    )
  }
  t.strictSame(await codes(), before)
  t.ok((await browser.follow(authorizeUrl(instance, request))).leftTo?.searchParams.has('code'), 'GET issues one')
})
