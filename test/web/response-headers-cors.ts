// SQLite alone: is about headers, hosts and addresses, which no database sees
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { type Refusal, refused } from '../fixtures/answers/refusals.ts'
import { obtainTokens } from '../fixtures/clients/code-flow.ts'
import {
  authorizeUrl,
  endSessionUrl,
  introspect,
  requestServiceToken,
  requestToken,
  revoke,
  userinfo,
} from '../fixtures/clients/endpoints.ts'
import { type Answer, basic, bearer, type HeaderFields, postForm, send } from '../fixtures/clients/http.ts'
import { PASSWORD, startInstance } from '../fixtures/instance/instance.ts'
import { enableApp, NATIVE, OTHER, SYNC, startWorld, WEB, WEB_BYE, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser, type View } from '../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t)
const { issuer, origin } = instance
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const APP_ORIGIN = new URL(WEB_REDIRECT).origin

const STRICT =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

/** What every answer carries, page or JSON, success or refusal. */
const EVERYWHERE: Readonly<Record<string, string>> = {
  'content-security-policy': STRICT,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': '',
  'cache-control': 'no-store',
}

type Answered = Pick<Answer, 'headers'>

function hasHeaders(t: Test, { headers }: Answered, otherwise: Readonly<Record<string, string>> = {}): void {
  const expected = { ...EVERYWHERE, ...otherwise }
  t.strictSame(Object.fromEntries(Object.keys(expected).map((name) => [name, headers.get(name)])), expected)
  for (const name of ['server', 'x-powered-by', 'etag', 'access-control-allow-credentials'])
    t.equal(headers.get(name), null, `no ${name}`)
}

const namesOfCors = ({ headers }: Answered): string[] =>
  [...headers.keys()].filter((name) => name.startsWith('access-control-'))

const preflight = (url: string, from: string, headers: HeaderFields = {}): Promise<Answer> =>
  send(url, { method: 'OPTIONS', headers: { origin: from, 'access-control-request-method': 'POST', ...headers } })

await t.test('HC-01, HC-07: RFC 6749 §5.1 protocol endpoints: not cached, not framed, not sniffed', async (t) => {
  const { access_token } = await obtainTokens(instance)
  const answers: Readonly<Record<string, () => Promise<Answer>>> = {
    'token, granted': () => requestServiceToken(instance),
    'token, refused': () => requestToken(instance, { grant_type: 'password' }, basic(SYNC)),
    'token, unknown app': () => requestServiceToken(instance, basic('nobody')),
    userinfo: () => userinfo({ issuer }, access_token),
    'userinfo, refused': () => send(`${issuer}/connect/userinfo`),
    introspect: () => introspect({ issuer }, access_token),
    'introspect, signed': () =>
      introspect({ issuer }, access_token, { ...basic(WEB), accept: 'application/token-introspection+jwt' }),
    'introspect, refused': () => introspect({ issuer }, access_token, {}),
    revocation: () => revoke({ issuer }, 'unknown-unknown-unknown'),
    'authorize, to the app': () =>
      send(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'none' }), {
        redirect: 'manual',
      }),
    endsession: () => send(`${issuer}/connect/endsession`, { redirect: 'manual' }),
    'the profile': () => send(`${origin}/profile/me`, { headers: bearer(access_token) }),
    'the profile, refused': () => send(`${origin}/profile/me`),
    'the picture, refused': () => send(`${origin}/profile/me/picture`),
    'the picture, missing': () => send(`${origin}/profile/me/picture`, { headers: bearer(access_token) }),
    'health, alive': () => send(`${origin}/health/live`),
    'health, ready': () => send(`${origin}/health/ready`),
    'nothing there': () => send(`${origin}/nothing`),
    'another method': () => send(`${issuer}/connect/token`),
  }
  for (const [name, ask] of Object.entries(answers)) await t.test(name, async (t) => hasHeaders(t, await ask()))
})

await t.test('HC-02, LG-08: pages', async (t) => {
  const endsAtApp = { 'content-security-policy': STRICT.replace(" form-action 'self';", '') }
  const isPage = (t: Test, view: View, status: number, otherwise = {}): void => {
    t.equal(view.status, status, view.url)
    t.match(view.headers.get('content-type'), /^text\/html; charset=utf-8$/)
    t.equal(view.headers.get('vary'), 'Accept-Language')
    hasHeaders(t, view, otherwise)
    t.strictSame(namesOfCors(view), [], 'HC-06: no CORS')
    t.notMatch(
      view.text,
      /<script(?! type="module" src="\/id\/assets\/gate\.js\?v=\w+"><\/script>)|<style|\son\w+=|\sstyle=/i,
      'nothing inline that the policy would have to allow',
    )
  }
  const browser = createBrowser(origin)

  await t.test(
    'sign-in, consent, sign-out for an app: what follows the form may lead wherever the app redirects',
    async (t) => {
      const login = await browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT }))
      const policy = endsAtApp['content-security-policy']
      // The button that shows the password; the page of consent runs nothing.
      const withScript = policy.replace("style-src 'self';", "style-src 'self'; script-src 'self';")
      isPage(t, login, 200, { 'content-security-policy': withScript })
      const consent = await browser.submit(login, 'login-submit', {
        username: 'anna',
        password: PASSWORD,
      })
      t.ok(consent.page.querySelector('#consent-approve'))
      isPage(t, consent, 200, endsAtApp)
      t.ok((await browser.submit(consent, 'consent-approve')).leftTo)
    },
  )

  await t.test('signing out', async (t) => {
    const ask = { client_id: WEB, post_logout_redirect_uri: WEB_BYE }
    const logout = await browser.open(endSessionUrl({ issuer }, ask))
    t.ok(logout.page.querySelector('form'))
    isPage(t, logout, 200, endsAtApp)
    isPage(t, await browser.open(endSessionUrl({ issuer })), 200)
  })

  await t.test('errors', async (t) => {
    isPage(t, await browser.open(authorizeUrl(instance, { client_id: 'nobody' })), 400)
    isPage(t, await browser.open(`${issuer}/login`), 400)
    isPage(t, await browser.open(`${issuer}/error`), 404)
    const asBrowser = { headers: { accept: 'text/html,*/*;q=0.8' } }
    isPage(t, await browser.follow(`${origin}/nothing`, asBrowser), 404)
    isPage(t, await browser.follow(`${issuer}/assets/nothing.css`, asBrowser), 404)
  })

  await t.test('assets may be cached, and are nothing but themselves', async (t) => {
    const response = await send(`${issuer}/assets/tessera.css`)
    t.equal(response.status, 200)
    t.equal(response.headers.get('cache-control'), 'public, max-age=3600')
    t.equal(response.headers.get('x-content-type-options'), 'nosniff')
    for (const path of ['nothing.css', '../../package.json', '%2e%2e%2f%2e%2e%2fpackage.json'])
      t.equal((await send(`${issuer}/assets/${path}`)).status, 404, path)
    for (const path of ['', '..%5cpackage.json', '%00', '.']) {
      const refusal = await send(`${issuer}/assets/${path}`)
      t.match(refusal.json, { error: /^(invalid_request|not_found)$/, refusal_id: String }, path)
    }
    t.equal((await send(`${issuer}/assets/tessera.css`, { method: 'POST' })).headers.get('allow'), 'GET, HEAD')
  })
})

await t.test('RFC 6797: HSTS where the issuer is https, and only there', async (t) => {
  const instance = await startInstance({ settings: { TESSERA_ISSUER: 'https://id.example.com/id' } })
  t.teardown(() => instance.close())
  for (const path of ['/.well-known/openid-configuration', '/connect/userinfo', '/login', '/nothing']) {
    const secure = await send(`${instance.origin}/id${path}`)
    t.equal(secure.headers.get('strict-transport-security'), 'max-age=63072000; includeSubDomains', path)
    const plain = await send(`${issuer}${path}`)
    t.equal(plain.headers.get('strict-transport-security'), null, `${path}, plain`)
  }
})

await t.test('HC-06: CORS', async (t) => {
  const shared = ['token', 'userinfo', 'revocation']

  await t.test('origins of registered redirect URIs may call what apps call', async (t) => {
    for (const endpoint of shared) {
      const url = `${issuer}/connect/${endpoint}`
      for (const from of [APP_ORIGIN, 'http://localhost:5082', 'https://other.example.com']) {
        const asked = await preflight(url, from, { 'access-control-request-headers': 'authorization' })
        t.strictSame(
          [asked.status, Object.fromEntries(namesOfCors(asked).map((name) => [name, asked.headers.get(name)]))],
          [
            204,
            {
              'access-control-allow-origin': from,
              'access-control-allow-methods': 'GET, POST',
              'access-control-allow-headers': 'authorization, content-type',
              'access-control-max-age': '600',
            },
          ],
          `${endpoint} from ${from}`,
        )
        const answer = await postForm(url, {}, { origin: from })
        t.strictSame(namesOfCors(answer), ['access-control-allow-origin'], 'a refusal can be read too')
        t.equal(answer.headers.get('access-control-allow-origin'), from)
        t.match(answer.headers.get('vary'), /\bOrigin\b/, 'and no cache mixes origins up')
      }
    }
  })

  await t.test('nobody else may', async (t) => {
    for (const from of [
      'https://evil.test',
      'https://app.example.com.evil.test',
      'https://xapp.example.com',
      'https://APP.example.com',
      'http://app.example.com',
      'https://app.example.com:8443',
      'https://app.example.com/',
      'null',
      'com.example.app:',
      '*',
      origin,
    ]) {
      for (const endpoint of shared) {
        const url = `${issuer}/connect/${endpoint}`
        const asked = await preflight(url, from)
        t.strictSame([asked.status, namesOfCors(asked)], [405, []], `${endpoint} from ${from}`)
        const answer = await postForm(url, {}, { origin: from })
        t.strictSame(namesOfCors(answer), [])
        t.match(answer.headers.get('vary'), /\bOrigin\b/)
      }
    }
  })

  await t.test('AU-23: some addresses nobody may call from elsewhere', async (t) => {
    const paths = [
      'connect/authorize',
      'connect/endsession',
      'connect/introspect',
      'login',
      'consent',
      'logout',
      'error',
    ]
    const urls = [...paths.map((path) => `${issuer}/${path}`), `${origin}/profile/api/v1/tokens`]
    for (const url of urls) {
      const asked = await preflight(url, APP_ORIGIN)
      t.ok(asked.status >= 400, url)
      t.strictSame(namesOfCors(asked), [], url)
      const answer = await send(url, { headers: { origin: APP_ORIGIN }, redirect: 'manual' })
      t.strictSame(namesOfCors(answer), [], url)
    }
  })

  await t.test('a disabled app has no say', async (t) => {
    const ask = async () => (await preflight(`${issuer}/connect/token`, 'https://other.example.com')).status
    t.equal(await ask(), 204)
    await enableApp(instance, OTHER, false)
    t.equal(await ask(), 405)
    await enableApp(instance, OTHER, true)
    t.equal(await ask(), 204)
    t.ok(await instance.core.store.read.apps.find(NATIVE), 'whose private-use scheme opened nothing to null')
  })
})

await t.test('what cannot be answered is refused as JSON, with a refusal id', async (t) => {
  const invalid = (status: number, description: string): Refusal => ({ status, error: 'invalid_request', description })
  const methods = (allow: string): Refusal => invalid(405, `use ${allow} here`)
  const sendTo = (path: string, init: RequestInit = {}) => send(`${origin}${path}`, init)

  await t.test('404', async (t) => {
    const nothing: Refusal = { status: 404, error: 'not_found', description: 'there is nothing at this address' }
    for (const path of ['/id/nothing', '/nothing/', '/ID/login', '/id//login'])
      for (const method of ['GET', 'POST', 'OPTIONS']) refused(t, instance, await sendTo(path, { method }), nothing)
    for (const path of ['/%zz', '/id/%E0%A4%A', '/id/assets/%', '/%ff?code=x']) {
      const response = await sendTo(path)
      hasHeaders(t, response)
      refused(t, instance, response, nothing)
    }
  })

  await t.test('405, with Allow', async (t) => {
    const rows: readonly [path: string, allow: string, methods: readonly string[]][] = [
      ['/id/connect/token', 'POST', ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']],
      ['/id/connect/introspect', 'POST', ['GET', 'PUT', 'OPTIONS']],
      ['/id/connect/revocation', 'POST', ['GET', 'PUT', 'OPTIONS']],
      ['/id/connect/userinfo', 'GET, HEAD, POST', ['PUT', 'DELETE', 'OPTIONS']],
      ['/id/connect/authorize', 'GET, HEAD, POST', ['PUT', 'DELETE', 'OPTIONS']],
      ['/id/login', 'GET, HEAD, POST', ['PUT', 'OPTIONS']],
      ['/profile/me', 'GET, HEAD', ['POST', 'PUT', 'OPTIONS']],
      ['/profile/me/picture/64', 'GET, HEAD', ['POST', 'OPTIONS']],
      ['/tools/auto-discovery', 'GET, HEAD', ['POST', 'PUT']],
      ['/sys/auto-discovery', 'GET, HEAD', ['POST', 'PUT']],
      ['/health/live', 'GET, HEAD', ['POST', 'OPTIONS']],
      ['/health/ready', 'GET, HEAD', ['POST']],
    ]
    for (const [path, allow, others] of rows) {
      for (const method of others) {
        const response = await sendTo(path, { method })
        t.equal(response.headers.get('allow'), allow, `${method} ${path}`)
        refused(t, instance, response, methods(allow.replaceAll(', ', ' or ')))
      }
    }
    for (const endpoint of ['token', 'introspect', 'revocation'])
      t.equal((await sendTo(`/id/connect/${endpoint}`, { method: 'HEAD' })).status, 405)
    t.equal((await sendTo('/health/ready', { method: 'HEAD' })).status, 200)
  })

  await t.test('415 and malformed bodies', async (t) => {
    const formOnly = invalid(415, 'the body must be application/x-www-form-urlencoded')
    for (const endpoint of ['token', 'introspect', 'revocation', 'userinfo']) {
      const path = `/id/connect/${endpoint}`
      for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x', 'nonsense']) {
        const init = { method: 'POST', headers: { 'content-type': type }, body: '{"grant_type":' }
        refused(t, instance, await sendTo(path, init), formOnly)
      }
    }
    for (const body of ['%', 'a=%zz', '&&&', '\0', '=', '__proto__=x&constructor=y']) {
      const response = await sendTo('/id/connect/token', { method: 'POST', headers: FORM, body })
      refused(t, instance, response, invalid(400, 'parameter is missing: grant_type'))
    }
  })

  await t.test('413', async (t) => {
    const body = `x=${'x'.repeat(66_000)}`
    for (const endpoint of ['token', 'introspect', 'revocation', 'userinfo']) {
      const response = await sendTo(`/id/connect/${endpoint}`, { method: 'POST', headers: FORM, body })
      refused(t, instance, response, invalid(413, 'the request is malformed or too large'))
    }
  })

  await t.test('what is no HTTP ends the connection, not the server', async (t) => {
    const { port } = new URL(origin)
    for (const lines of [
      'nonsense\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nX: y\0\r\n\r\n',
      `GET /${'x'.repeat(20_000)}`,
    ]) {
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(port), 'localhost', () => socket.write(lines))
        let text = ''
        socket.on('data', (chunk) => {
          text += chunk.toString()
        })
        socket.on('close', () => resolve(text)).on('error', reject)
      })
      t.match(answer, /^HTTP\/1\.1 4(00|31) /)
    }
    t.equal((await sendTo('/health/live')).status, 200)
  })
})
