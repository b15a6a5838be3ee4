// SQLite alone: is about headers, hosts and addresses, which no database sees
import t from 'tap'
import { lettersOf } from '../../src/domain/protocol/redirect-uri.ts'
import { DAY, HOUR } from '../../src/lib/time/clock.ts'
import { authorizeUrl } from '../fixtures/clients/endpoints.ts'
import { send } from '../fixtures/clients/http.ts'
import { createRelyingParty, webApp } from '../fixtures/clients/relying-party.ts'
import { startInstance } from '../fixtures/instance/instance.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { query } from '../fixtures/store/database.ts'

const instance = await startInstance({ settings: { TESSERA_INSTANCE_NAME: 'Crown <b>Foods</b>' } })
t.teardown(() => instance.close())
const { origin, issuer } = instance

await t.test('GET /, /id and /id/ say what this is, and lead on', async (t) => {
  for (const path of ['/', '/id', '/id/']) {
    const view = await createBrowser(origin).open(`${origin}${path}`)
    t.equal(view.status, 200, path)
    t.equal(view.page.querySelector('#issuer')?.text, issuer)
    t.match(view.page.querySelector('.lead')?.text, /Crown &lt;b&gt;Foods&lt;\/b&gt;|Crown <b>Foods<\/b>/)
    t.strictSame(view.page.querySelectorAll('main b'), [])
    for (const id of ['discovery', 'sites']) {
      const url = view.page.querySelector(`#${id}`)?.getAttribute('href') ?? ''
      t.ok((await send(url)).status < 400, `${id} leads somewhere`)
    }
    t.strictSame(view.headers.getSetCookie(), [], 'it asks nobody who they are')
    t.equal(view.headers.get('cache-control'), 'no-store')
    t.match(view.headers.get('content-security-policy'), "form-action 'self'")
    t.equal((await send(`${origin}${path}`, { method: 'HEAD' })).status, 200)
    t.equal((await send(`${origin}${path}`, { method: 'POST' })).headers.get('allow'), 'GET, HEAD')
  }
})

await t.test('the developers’ part is folded away, and the way out is for whoever is in', async (t) => {
  await instance.addUser({ login: 'david', name: 'David Miller' })
  await instance.addApp({ ...webApp('shop'), requireConsent: false })
  const browser = createBrowser(origin)
  const before = await browser.open(origin)
  t.strictSame(
    before.page.querySelectorAll('#sign-out, .person, details[open]'),
    [],
    'nobody is signed in, who could sign out',
  )
  t.ok(before.page.querySelector('details #issuer'))
  await createRelyingParty(instance, { clientId: 'shop', login: 'david' }, browser).obtainTokens()
  const view = await browser.open(origin)
  t.equal(view.page.querySelector('.person-name')?.text, 'David Miller')
  const asked = await browser.open(view.page.querySelector('#sign-out')?.getAttribute('href') ?? '')
  await browser.submit(asked, 'logout-confirm')
  t.notOk((await browser.open(origin)).page.querySelector('#sign-out'))
})

await t.test('once the session has run out the way out stays, and nobody is named', async (t) => {
  for (const away of [9 * HOUR, 31 * DAY]) {
    const browser = createBrowser(origin)
    await createRelyingParty(instance, { clientId: 'shop', login: 'david' }, browser).obtainTokens()
    const [before] = await query(instance, 'select max(last_seen_at) as seen from sign_in_sessions')
    t.match((await browser.open(origin)).page.querySelector('.person')?.text, 'David Miller')
    t.strictSame(await query(instance, 'select max(last_seen_at) as seen from sign_in_sessions'), [before], 'untouched')
    instance.advance(away)
    const view = await browser.open(origin)
    const asked = await browser.open(view.page.querySelector('#sign-out')?.getAttribute('href') ?? '')
    t.ok(asked.page.querySelector('#logout-confirm'))
    for (const { text } of [view, asked]) t.notMatch(text, /David|david/)
    t.equal((await browser.submit(asked, 'logout-confirm')).status, 200)
    t.notOk((await browser.open(origin)).page.querySelector('#sign-out'))
  }
})

await t.test('hosts in letters of other scripts are shown in ASCII, and then in these', async (t) => {
  const redirectUri = 'https://xn--bcher-kva.example/cb'
  await instance.addApp({ ...webApp('books'), impersonateLoginUrl: [redirectUri] })
  const url = authorizeUrl(instance, { client_id: 'books', redirect_uri: redirectUri })
  const view = await createBrowser(origin).open(url)
  t.equal(view.page.querySelector('.where')?.text, 'https://xn--bcher-kva.example (bücher.example)')
  const plain = authorizeUrl(instance, { client_id: 'shop', redirect_uri: webApp('shop').impersonateLoginUrl[0] ?? '' })
  t.notMatch((await createBrowser(origin).open(plain)).page.querySelector('.where')?.text, '(')
  for (const [host, letters] of [
    ['xn--bcher-kva.example', 'bücher.example'],
    ['example.com', undefined],
    ['127.0.0.1', undefined],
    ['[::1]', undefined],
    ['xn--a', undefined],
  ] as const)
    t.equal(lettersOf(host), letters, host)
})

await t.test('in three languages', async (t) => {
  for (const [locale, title] of [
    ['en', 'One sign-in for your apps'],
    ['de', 'Eine Anmeldung für alle Ihre Apps'],
    ['bg', 'Един вход за всички Ваши приложения'],
  ] as const) {
    const view = await createBrowser(origin).open(`${origin}/?ui_locales=${locale}`)
    t.equal(view.page.querySelector('h1')?.text, title)
    t.equal(view.headers.get('content-language'), locale)
    t.notMatch(view.text, /landing\./)
  }
})

await t.test('guesses at addresses are told the right one, as a text and not by a redirect', async (t) => {
  for (const [method, guess, what, path] of [
    ['POST', '/oauth/token', 'the token endpoint', '/connect/token'],
    ['POST', '/oauth2/token', 'the token endpoint', '/connect/token'],
    ['POST', '/token', 'the token endpoint', '/connect/token'],
    ['POST', '/id/oauth2/v1/token/', 'the token endpoint', '/connect/token'],
    ['POST', '/id/connect/token/', 'the token endpoint', '/connect/token'],
    ['POST', '/ID/connect/token', 'the token endpoint', '/connect/token'],
    ['POST', '/connect/token', 'the token endpoint', '/connect/token'],
    ['GET', '/authorize?client_id=x', 'the authorization endpoint', '/connect/authorize'],
    ['GET', '/OAuth/Authorize', 'the authorization endpoint', '/connect/authorize'],
    ['GET', '/connect/logout', 'the end-session endpoint', '/connect/endsession'],
    ['GET', '/id/connect/logout', 'the end-session endpoint', '/connect/endsession'],
    ['GET', '/userinfo', 'UserInfo', '/connect/userinfo'],
    ['POST', '/id/connect/revoke', 'the revocation endpoint', '/connect/revocation'],
    ['POST', '/oauth2/introspect', 'the introspection endpoint', '/connect/introspect'],
    ['GET', '/.well-known/openid-configuration', 'the discovery document', '/.well-known/openid-configuration'],
    ['GET', '/.well-known/openid-configuration/id', 'the discovery document', '/.well-known/openid-configuration'],
    ['GET', '/.well-known/oauth-authorization-server', 'the discovery document', '/.well-known/openid-configuration'],
    ['GET', '/.well-known/jwks.json', 'the set of keys', '/.well-known/openid-configuration/jwks'],
  ] as const) {
    const body = method === 'POST' ? { body: new URLSearchParams({ client_secret: 'secret-that-goes-nowhere' }) } : {}
    const answer = await send(`${origin}${guess}`, { method, ...body })
    t.strictSame([answer.status, answer.headers.get('location')], [404, null], guess)
    t.match(answer.json, {
      error: 'not_found',
      error_description: `there is nothing at this address; ${what} is ${issuer}${path}`,
    })
  }
  const page = await createBrowser(origin).follow(`${origin}/oauth/authorize`, { headers: { accept: 'text/html' } })
  t.equal(page.status, 404)
  t.match(page.page.querySelector('#error-description')?.text, `${issuer}/connect/authorize`)
})

await t.test('what is outside the issuer is found by whoever looks for it below', async (t) => {
  for (const [path, what] of [
    ['/profile/me', 'who somebody is'],
    ['/profile/api/v1/tokens', 'the list of your tokens'],
    ['/tools/auto-discovery', 'auto-discovery'],
    ['/health/ready', 'the health of the server'],
    ['/metrics', 'the page of metrics'],
    ['/manage/api/v1/apps', 'the administration API'],
  ] as const) {
    const { status, json } = await send(`${issuer}${path}`)
    t.strictSame(
      [status, json['error_description']],
      [404, `there is nothing at this address; ${what} is ${origin}${path}`],
      path,
    )
    t.not((await send(`${origin}${path}`)).status, 404, 'and there it is')
  }
})

await t.test('what is no guess is told nothing, and neither leaves a row', async (t) => {
  for (const path of [
    '/nothing',
    '/connect/register',
    '/oauth/token/x',
    '/__proto__',
    '/constructor',
    '/id/wp-login.php',
  ])
    t.equal((await send(`${origin}${path}`)).json['error_description'], 'there is nothing at this address', path)
  await instance.server.audit.flush()
  t.strictSame(await query(instance, 'select * from refusals where status = 404'), [])
})
