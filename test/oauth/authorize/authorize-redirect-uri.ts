// SQLite alone: refused before anything but the record of the app is read
import t from 'tap'
import { faultsOf } from '../../../src/domain/apps/registration-rules.ts'
import { APP_DEFAULTS } from '../../../src/domain/apps/trusted-application.ts'
import { type Refusal, refusedByPage } from '../../fixtures/answers/refusals.ts'
import { answerOf, authorize, PKCE } from '../../fixtures/clients/code-flow.ts'
import { cpuOf } from '../../fixtures/instance/cpu-of.ts'
import { NATIVE, SPA, startWorld, WEB, WEB_REDIRECT, WEB_REDIRECT_WITH_QUERY } from '../../fixtures/instance/world.ts'
import { createBrowser, type View } from '../../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t)
const endpoint = `${instance.issuer}/connect/authorize`
const browser = createBrowser(instance.origin)

const page = (description: string, cause: Refusal['cause'] = {}): Refusal => ({
  status: 400,
  error: 'invalid_request',
  description,
  cause,
})
const UNREGISTERED = page('redirect_uri is not registered for this app')
const MISSING = page('parameter is missing: redirect_uri')

const byPost = (body: string, url = endpoint): Promise<View> =>
  browser.follow(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
  })

const requestOf = (client_id: string) => ({ client_id, response_type: 'code', scope: 'openid', state: 's', ...PKCE })

/** Sends one redirect URI in every way it can be sent: by GET and by POST, and with its percent signs as they are. */
async function everyWay(
  t: Parameters<typeof refusedByPage>[0],
  clientId: string,
  uri: string,
  refusal: Refusal,
  raw: readonly [byGet: Refusal, byPost: Refusal] = [refusal, refusal],
) {
  const encoded = new URLSearchParams({ ...requestOf(clientId), redirect_uri: uri }).toString()
  const views = [await browser.open(`${endpoint}?${encoded}`), await byPost(encoded)]
  // A character that ends the parameter, or an escape that makes it another one, cannot be sent raw.
  if (!/[#&+ ]|%31|%63/.test(uri) && uri.includes('%')) {
    const sent = `${new URLSearchParams(requestOf(clientId))}&redirect_uri=${uri}`
    views.push(await browser.open(`${endpoint}?${sent}`), await byPost(sent))
  }
  for (const [way, view] of views.entries()) {
    refusedByPage(t, instance, view, raw[way - 2] ?? refusal)
    t.notOk(view.text.includes('evil') || (uri.length > 5 && view.text.includes(uri)), 'nothing reflected')
  }
}

/** Vectors by the id of the attack case, for the web app W. @see attack-cases.md, group A */
const WEB_VECTORS: Readonly<Record<string, readonly string[]>> = {
  'AZ-01 user information': [
    'https://app.example.com@evil.test/cb',
    'https://app.example.com:x@evil.test/cb',
    'https://user@app.example.com/cb',
    'https://user:password@app.example.com/cb',
  ],
  'AZ-02 several at signs, backslashes': [
    'https://a@evil.test@app.example.com/cb',
    'https://evil.test\\@app.example.com/cb',
    'https://app.example.com\\@evil.test/cb',
  ],
  'AZ-03 fragments': [
    'https://app.example.com/cb#',
    'https://app.example.com/cb#x',
    'https://app.example.com/cb%23x',
    'https://app.example.com/cb#code=evil&state=s',
  ],
  'AZ-04 encoded slashes and dots': [
    'https://app.example.com%2f@evil.test/cb',
    'https://app.example.com/cb%2f..%2fx',
    'https://app.example.com/%2e%2e/cb',
    'https://app.example.com/cb/%252e%252e/x',
    'https://app.example.com/x/../cb',
    'https://app.example.com/%63b',
  ],
  'AZ-05 path': [
    'https://app.example.com/cb/',
    'https://app.example.com',
    'https://app.example.com/',
    'https://app.example.com//cb',
    'https://app.example.com/cb/.',
    'https://app.example.com/cb/x',
    'https://app.example.com/c',
    'https://app.example.com/cbx',
    'https://app.example.com/cb;x',
  ],
  'AZ-07 case': ['https://app.example.com/CB', 'https://APP.EXAMPLE.COM/cb', 'HTTPS://app.example.com/cb'],
  'AZ-08 port': [
    'https://app.example.com:443/cb',
    'https://app.example.com:8443/cb',
    'https://app.example.com:0443/cb',
    'https://app.example.com:/cb',
  ],
  'AZ-09 scheme': ['http://app.example.com/cb'],
  'AZ-10 look-alike hosts': [
    'https://app.example.com.evil.test/cb',
    'https://evilapp.example.com/cb',
    'https://app.example.com-evil.test/cb',
    'https://app.example.com./cb',
    'https://example.com/cb',
    'https://app.exаmple.com/cb',
  ],
  'AZ-12 relative and lenient': [
    'https:\\\\app.example.com\\cb',
    'https:/app.example.com/cb',
    'https:app.example.com/cb',
    'https:///app.example.com/cb',
    '//app.example.com/cb',
    '/cb',
    'cb',
  ],
  'AZ-13 white space, control and broken characters': [
    ' https://app.example.com/cb',
    'https://app.example.com/cb ',
    '%20https://app.example.com/cb',
    'https://app.example.com/cb%20',
    'https://app.example.com/cb%09',
    'https://app.example.com/cb%0a',
    'https://app.example.com/cb%0d%0aLocation:%20https://evil.test',
    'https://app.example.com/cb%00',
    'https://app.example.com/cb\u0000',
    'https://app.example.com/cb\r\nLocation: https://evil.test',
    'https://app.example.com/cb%',
  ],
  'AZ-14 query': [
    'https://app.example.com/cb?y=1',
    'https://app.example.com/cb?',
    'https://app.example.com/cb?x=1&y=1',
    'https://app.example.com/cb?y=1&x=1',
    'https://app.example.com/cb?x=2',
    'https://app.example.com/cb?x',
    'https://app.example.com/cb?X=1',
    'https://app.example.com/cb?code=evil&state=x&iss=y',
    'https://app.example.com/cb?x=1&code=evil&state=x&iss=y',
  ],
  'AZ-18 dangerous schemes': [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'java%0ascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'blob:https://app.example.com/cb',
    'file:///etc/passwd',
    'about:blank',
    'javascript://app.example.com/cb',
  ],
  'AZ-25 a port for a web app': ['https://app.example.com:51004/cb', 'http://127.0.0.1:51004/cb'],
  'markup is not reflected': ['https://app.example.com/cb"><script>alert(1)</script>', "https://evil.test/'onload='x"],
}

for (const [id, uris] of Object.entries(WEB_VECTORS)) {
  await t.test(`${id}: an error page, no redirect`, async (t) => {
    for (const uri of uris) {
      await t.test(JSON.stringify(uri), (t) => everyWay(t, WEB, uri, UNREGISTERED))
    }
  })
}

await t.test('AZ-13 bytes that are no UTF-8: an error page, no redirect', async (t) => {
  const asBytes = [
    page('the query of the address must be percent-encoded UTF-8'),
    page('the body must be in UTF-8'),
  ] as const
  for (const uri of ['https://app.example.com/cb%ed%a0%80', 'https://app.example.com/cb%ff'])
    await t.test(uri, (t) => everyWay(t, WEB, uri, UNREGISTERED, asBytes))
})

await t.test('the operator sees what was sent and what is registered', async (t) => {
  const uri = 'https://app.example.com/cb/x'
  const expected = [WEB_REDIRECT, WEB_REDIRECT_WITH_QUERY]
  const cause = { client_id: WEB, sent: uri, expected }
  await everyWay(t, WEB, uri, { ...UNREGISTERED, cause })
})

await t.test('AZ-12, AZ-19 absent or empty: an error page, however many are registered', async (t) => {
  for (const clientId of [WEB, SPA]) {
    await everyWay(t, clientId, '', MISSING)
    refusedByPage(t, instance, await browser.open(`${endpoint}?${new URLSearchParams(requestOf(clientId))}`), MISSING)
  }
})

await t.test('AZ-15 redirect_uri twice: an error page', async (t) => {
  const evil = 'https://evil.test/'
  for (const pair of [
    [WEB_REDIRECT, evil],
    [evil, WEB_REDIRECT],
    [WEB_REDIRECT, WEB_REDIRECT],
  ]) {
    const query = new URLSearchParams([
      ...Object.entries(requestOf(WEB)),
      ...pair.map((uri): [string, string] => ['redirect_uri', uri]),
    ]).toString()
    const twice = page('parameter is repeated: redirect_uri', { parameter: 'redirect_uri' })
    refusedByPage(t, instance, await browser.open(`${endpoint}?${query}`), twice)
    refusedByPage(t, instance, await byPost(query), twice)
  }
})

await t.test('AZ-16 one value in the query and another in the body: an error page', async (t) => {
  const [good, evil] = [WEB_REDIRECT, 'https://evil.test/'].map((redirect_uri) =>
    new URLSearchParams({ ...requestOf(WEB), redirect_uri }).toString(),
  )
  const inUrl = page('parameters belong in the body of the request, not in its URL')
  refusedByPage(t, instance, await byPost(good ?? '', `${endpoint}?${evil}`), inUrl)
  refusedByPage(t, instance, await byPost(evil ?? '', `${endpoint}?${good}`), inUrl)
})

await t.test('AZ-18 a dangerous scheme with response_mode=form_post: an error page', async (t) => {
  const query = new URLSearchParams({
    ...requestOf(WEB),
    response_mode: 'form_post',
    redirect_uri: 'javascript:alert(1)',
  })
  refusedByPage(t, instance, await browser.open(`${endpoint}?${query}`), UNREGISTERED)
})

await t.test('AZ-20 a wildcard, were it stored, only matches itself', async (t) => {
  const applicationUri = 'my.trusted.app/wild'
  const impersonateLoginUrl = ['https://*.example.com/cb', 'https://wild.example.com/*', 'https://wild.example.com/.+']
  await instance.addApp({ applicationUri, impersonateAsInternalUserAllowed: true, impersonateLoginUrl })
  for (const uri of ['https://a.example.com/cb', 'https://wild.example.com/cb', 'https://wild.example.com/xx']) {
    await everyWay(t, applicationUri, uri, UNREGISTERED)
  }
})

await t.test('AZ-29 very long ones: an error page or 431, at once', async (t) => {
  const long = (length: number) => `https://app.example.com/cb?${'x'.repeat(length)}`
  const tooLong = page('parameter is too long: redirect_uri (at most 2048 characters)')
  await everyWay(t, WEB, long(8 * 1024), tooLong)
  const query = new URLSearchParams({ ...requestOf(WEB), redirect_uri: long(1024 * 1024) }).toString()
  const cpu = await cpuOf(async () => {
    const response = await browser.request(`${endpoint}?${query}`)
    t.strictSame([response.status, response.headers.get('location')], [431, null])
  })
  t.ok(cpu < 1000, `I6: ${cpu} ms of CPU`)
  t.equal((await byPost(query)).status, 413)
})

/** What a native app may not vary. */
const NATIVE_VECTORS: Readonly<Record<string, readonly string[]>> = {
  'AZ-22 ports that are none': [
    'http://127.0.0.1:0/cb',
    'http://127.0.0.1:65536/cb',
    'http://127.0.0.1:99999/cb',
    'http://127.0.0.1:-1/cb',
    'http://127.0.0.1:443a/cb',
    'http://127.0.0.1:a443/cb',
    'http://127.0.0.1:/cb',
    'http://127.0.0.1:%31/cb',
    'http://127.0.0.1:080/cb',
    'http://127.0.0.1: 80/cb',
    'http://127.0.0.1:+80/cb',
    'http://127.0.0.1:8e1/cb',
    'http://127.0.0.1:80:80/cb',
  ],
  'AZ-24 other hosts': [
    'http://localhost:51004/cb',
    'http://localhost.evil.test:80/cb',
    'http://127.0.0.1.evil.test/cb',
    'http://127.0.0.1.evil.test:80/cb',
    'http://127.0.0.1@evil.test/cb',
    'http://127.0.0.1:80@evil.test/cb',
    'http://127.0.0.2:80/cb',
    'http://127.1:80/cb',
    'http://2130706433:80/cb',
    'http://0x7f.0.0.1:80/cb',
    'http://[::ffff:127.0.0.1]:80/cb',
    'http://[0:0:0:0:0:0:0:1]:80/cb',
  ],
  'AZ-25 https': ['https://127.0.0.1:1/cb', 'https://[::1]:1/cb', 'HTTP://127.0.0.1:1/cb'],
  'AZ-26 query, user information, path': [
    'http://127.0.0.1:51004/cb?x=1',
    'http://127.0.0.1:51004/cb#x',
    'http://user@127.0.0.1:51004/cb',
    'http://127.0.0.1:51004/CB',
    'http://127.0.0.1:51004/cb/',
    'http://127.0.0.1:51004',
    'http://127.0.0.1:51004//cb',
    'http://127.0.0.1:51004/x/../cb',
    'http://127.0.0.1:51004\\@evil.test/cb',
  ],
  'a custom scheme has no ports': ['com.example.app:/oauth/', 'com.example.app://oauth', 'COM.example.app:/oauth'],
}

for (const [id, uris] of Object.entries(NATIVE_VECTORS)) {
  await t.test(`${id}: an error page, no redirect`, async (t) => {
    for (const uri of uris) {
      await t.test(JSON.stringify(uri), (t) => everyWay(t, NATIVE, uri, UNREGISTERED))
    }
  })
}

await t.test('AZ-21 a native app is answered on any loopback port, and at its own scheme', async (t) => {
  for (const redirect_uri of [
    'http://127.0.0.1:51004/cb',
    'http://[::1]:61023/cb',
    'http://127.0.0.1:1/cb',
    'http://127.0.0.1:65535/cb',
    'http://127.0.0.1/cb',
    'com.example.app:/oauth',
  ]) {
    const view = await authorize(instance, { client_id: NATIVE, redirect_uri, ...PKCE }, { browser })
    t.ok(view.leftTo?.href.startsWith(`${redirect_uri}?code=`), redirect_uri)
    t.equal(answerOf(view).get('iss'), instance.issuer)
  }
})

await t.test('a registered query stays in front of the answer', async (t) => {
  const view = await authorize(instance, { redirect_uri: WEB_REDIRECT_WITH_QUERY, state: 's' }, { browser })
  t.match(
    view.headers.get('location'),
    /^https:\/\/app\.example\.com\/cb\?x=1&code=[\w-]{43}&session_state=[\w.-]+&state=s&iss=http%3A/,
  )
})

await t.test('AZ-03, AZ-09, AZ-18, AZ-20 what can never be registered', (t) => {
  const registration = (clientType: 'Confidential' | 'Public', uri: string) => ({
    ...APP_DEFAULTS,
    applicationUri: 'my.trusted.app/new',
    name: 'New',
    clientType,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [uri],
    impersonateLogoutUrl: [uri],
  })
  for (const uri of [
    ...(WEB_VECTORS['AZ-18 dangerous schemes'] ?? []),
    'https://app.example.com/cb#',
    'https://app.example.com/cb#x',
    'http://app.example.com/cb',
    'http://127.0.0.1.evil.test/cb',
    'https://user@app.example.com/cb',
    'https://app.example.com\\@evil.test/cb',
    'https:app.example.com/cb',
    'HTTPS://app.example.com/cb',
    '//app.example.com/cb',
    '/cb',
    '',
    '*',
    'https://*.example.com',
    'https://app.example.com/*',
    'https://app.example.com/(cb|x)|y',
    'https://app.example.com/c b',
    'https://app.exаmple.com/cb',
    'MyApp:/cb',
    'ws://app.example.com/',
  ]) {
    for (const clientType of ['Confidential', 'Public'] as const) {
      const attributes = faultsOf(registration(clientType, uri)).map((fault) => fault.attribute)
      t.ok(attributes.includes('ImpersonateLoginUrl'), `${clientType} ${JSON.stringify(uri)}`)
      t.ok(attributes.includes('ImpersonateLogoutUrl'))
    }
  }
  t.strictSame(faultsOf(registration('Confidential', 'https://app.example.com/cb?x=1')), [])
  t.strictSame(faultsOf(registration('Public', 'com.example.app:/oauth')), [])
  t.strictSame(faultsOf(registration('Public', 'http://[::1]/cb')), [])
  t.not(
    faultsOf(registration('Confidential', 'com.example.app:/oauth')).length,
    0,
    'a custom scheme is for Public apps',
  )
  t.end()
})
