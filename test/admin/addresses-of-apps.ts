import t from 'tap'
import { appPath, startAdminApi } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { tesseraOn } from '../fixtures/cli/cli.ts'
import { authorize, PKCE, sentTo } from '../fixtures/clients/code-flow.ts'
import { endSessionUrl } from '../fixtures/clients/endpoints.ts'
import { type Json, send } from '../fixtures/clients/http.ts'
import { startWorld } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t, { TESSERA_REGISTRATION: 'open', TESSERA_REGISTRATION_HOURLY: '1000' })
const api = await startAdminApi(instance)
const tessera = tesseraOn(instance)

const PUBLIC = { ClientType: 'Public', ImpersonateAsInternalUserAllowed: true }
let count = 0

/** Registers an app with these addresses; what comes back is its record, or what is wrong with it. */
async function registered(record: Json): Promise<Json & { readonly warnings?: string[]; readonly reasons?: string[] }> {
  const ApplicationUri = `my.app/${++count}`
  const { status, json } = await api.post('/apps', { ApplicationUri, ...PUBLIC, ...record })
  const errors = (json['errors'] ?? []) as { attribute: string; reason: string }[]
  return status === 201 ? json : { reasons: errors.map(({ attribute, reason }) => `${attribute}: ${reason}`) }
}

/** Where somebody who signs in is sent. */
const answerAt = async (client_id: unknown, redirect_uri: string): Promise<string> =>
  sentTo(await authorize(instance, { client_id: String(client_id), redirect_uri, scope: 'openid', ...PKCE })).href

const ownRegistration = (redirect: string) =>
  send(`${instance.issuer}/connect/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: [redirect], token_endpoint_auth_method: 'none', application_type: 'native' }),
  })

await t.test('RFC 8252 §8.4: a scheme without a dot works in records of administrators, with a warning', async (t) => {
  const uri = 'myapp://auth/callback'
  const { ApplicationUri: app, warnings } = await registered({ ImpersonateLoginUrl: uri, ImpersonateLogoutUrl: uri })
  const warning = `${uri} uses a scheme without a domain name, which another program on the device may claim as well: prefer one such as com.example.app: (RFC 8252 §8.4)`
  t.strictSame(warnings, [warning])
  t.match(await answerAt(app, uri), /^myapp:\/\/auth\/callback\?code=/)
  const { stdout } = await tessera(['doctor', '--json'])
  const { findings } = JSON.parse(stdout) as { findings: { check: string; found: string; fix: string }[] }
  t.match(
    findings.find(({ check }) => check === `app ${app}`),
    { found: warning, fix: `tessera app update ${app} --add-redirect-uri NEW --remove-redirect-uri ${uri}` },
  )
  const own = await ownRegistration(uri)
  t.match(own.json, { error: 'invalid_redirect_uri', error_description: /in reverse domain order/ })
  t.strictSame((await registered({ ImpersonateLoginUrl: 'com.example.app:/cb' })).warnings, [])
})

await t.test('schemes that belong to browsers, systems or the web stay refused, whoever registers them', async (t) => {
  const browsers = ['javascript:x', 'DATA:text/html,x', 'vbscript:x', 'blob:https://a.example/x', 'about:blank']
  const others = ['file:///etc/passwd', 'ws://a.example/', 'ftp://a.example/', 'mailto:a@a.example', 'tel:1', 'sms:1']
  const systems = [
    'intent://a/x',
    'ms-settings:x',
    'search-ms:x',
    'urn:ietf:wg:oauth:2.0:oob',
    'view-source:https://a/',
  ]
  const web = ['httpx://a/cb', 'https+unix://a/cb', 'HTTPS://a.example/cb', 'web+myapp://cb', 'http.example:/cb']
  const malformed = ['c:/windows', 'MyApp://cb']
  for (const uri of [...browsers, ...others, ...systems, ...web, ...malformed]) {
    const { reasons } = await registered({ ImpersonateLoginUrl: [uri] })
    matchesWhole(t, reasons, [/^ImpersonateLoginUrl: .* must (not use the scheme|write its)/], uri)
    t.equal((await ownRegistration(uri)).status, 400, uri)
  }
})

await t.test('InsecureRedirectsAllowed lets plain http go to names of localhost and private addresses', async (t) => {
  const near = [
    'http://app.localhost:3000/cb',
    'http://10.0.0.5/cb',
    'http://172.16.1.1:8080/cb',
    'http://127.8.8.8/cb',
  ]
  const further = ['http://192.168.1.20/cb', 'http://169.254.7.7/cb', 'http://[fd00::7]/cb', 'http://[fe80::1]:81/cb']
  const InsecureRedirectsAllowed = true
  for (const uri of [...near, ...further]) {
    const off = await registered({ ImpersonateLoginUrl: uri })
    matchesWhole(t, off.reasons, [
      /must use https; plain http at \S+, a private address, needs InsecureRedirectsAllowed true$/,
    ])
    const on = await registered({ ImpersonateLoginUrl: uri, ImpersonateLogoutUrl: uri, InsecureRedirectsAllowed })
    matchesWhole(t, on.warnings, [/^http:\S+ is plain http: whoever is in that network can read and change/], uri)
    t.ok((await answerAt(on['ApplicationUri'], uri)).startsWith(`${uri}?code=`), uri)
    t.match((await ownRegistration(uri)).json, {
      error_description: /must use https \(plain http is for loopback only\)/,
    })
  }
  const elsewhere = ['http://app.example.com/cb', 'http://intranet/cb', 'http://nas.local/cb', 'http://a.internal/cb']
  const outside = ['http://8.8.8.8/cb', 'http://100.64.0.1/cb', 'http://0.0.0.0/cb', 'http://10.0.0.5.example.com/cb']
  const disguised = ['http://[::ffff:10.0.0.5]/cb', 'http://localhost.example.com/cb', 'http://notlocalhost/cb']
  for (const uri of [...elsewhere, ...outside, ...disguised]) {
    const { reasons } = await registered({ ImpersonateLoginUrl: uri, InsecureRedirectsAllowed })
    matchesWhole(t, reasons, [/must use https \(plain http is for loopback only\)$/], uri)
  }
  for (const uri of ['http://0x0a.0.0.5/cb', 'http://167772165/cb', 'http://10.0.0.5./cb', 'http://App.LOCALHOST/cb'])
    matchesWhole(t, (await registered({ ImpersonateLoginUrl: uri, InsecureRedirectsAllowed })).reasons, [
      /must write its host as/,
    ])
  t.strictSame((await registered({ ImpersonateLoginUrl: 'https://a.example/', InsecureRedirectsAllowed })).warnings, [
    'InsecureRedirectsAllowed is true, and no address of the app needs it',
  ])
})

await t.test('after sign-out the browser reaches a private address that the switch lets in', async (t) => {
  const [bye, login] = ['http://192.168.1.20/bye', 'http://192.168.1.20/cb']
  const record = { ImpersonateLoginUrl: login, ImpersonateLogoutUrl: bye, InsecureRedirectsAllowed: true }
  const { ApplicationUri: app } = await registered(record)
  const query = { client_id: String(app), post_logout_redirect_uri: bye }
  t.equal((await createBrowser(instance.origin).open(endSessionUrl(instance, query))).leftTo?.href, bye)
  const off = await api.patch(appPath(String(app)), { InsecureRedirectsAllowed: false })
  matchesWhole(t, off.json, { errors: [{ attribute: 'ImpersonateLoginUrl' }, { attribute: 'ImpersonateLogoutUrl' }] })
})

await t.test('the switch is not for apps that registered themselves', async (t) => {
  const { json } = await ownRegistration('http://127.0.0.1/cb')
  const changed = await api.patch(appPath(String(json['client_id'])), { InsecureRedirectsAllowed: true })
  matchesWhole(t, changed.json, {
    errors: [{ attribute: 'InsecureRedirectsAllowed', reason: /^cannot be set for an app that/ }],
  })
})

await t.test('a comma is a character of a URI: lists come whole through text and arrays', async (t) => {
  const listed = [
    'https://a.example/cb?ids=1,2',
    'https://a.example/cb,x',
    'com.example.app:/a,b',
    'https://b.example/',
  ]
  const text = listed.join(',')
  for (const ImpersonateLoginUrl of [listed, text, listed.join(' , ')]) {
    const { ApplicationUri: app, ImpersonateLoginUrl: shown } = await registered({ ImpersonateLoginUrl })
    t.equal(shown, text)
    t.strictSame((await instance.core.store.read.apps.find(String(app)))?.impersonateLoginUrl, listed)
    t.match(await answerAt(app, listed[0] ?? ''), /^https:\/\/a\.example\/cb\?ids=1,2&code=/)
  }
  for (const uri of ['https://a.example/,https://b.example/', 'https://a.example/x,y:z', 'https://a.example/,'])
    matchesWhole(
      t,
      (await registered({ ImpersonateLoginUrl: [uri] })).reasons,
      [/nor have one before what reads as another URI/],
      uri,
    )
  const { ImpersonateLoginUrl: sloppy } = await registered({
    ImpersonateLoginUrl: ' https://a.example/ ,, https://b.example/, ',
  })
  t.equal(sloppy, 'https://a.example/,https://b.example/')
})

await t.test('every list may come as an array, and its parts are what the text may hold', async (t) => {
  const lists = { Scope: ['read', 'update'], Contacts: ['a@example.com'], ResponseTypes: ['code', 'code id_token'] }
  const record = await registered({ ImpersonateLoginUrl: ['https://a.example/'], ...lists })
  t.match(record, { Scope: 'read update', Contacts: 'a@example.com', ResponseTypes: 'code,code id_token' })
  for (const wrong of [{ Scope: ['read update'] }, { Contacts: ['a,b'] }, { ResponseTypes: ['cod'] }, { Scope: [1] }]) {
    const { reasons } = await registered({ ImpersonateLoginUrl: 'https://a.example/', ...wrong })
    matchesWhole(t, reasons, [/^\w+: expects .*, or a list of them$/], JSON.stringify(wrong))
  }
})

await t.test('protocol scopes need no listing: they are dropped, with a warning', async (t) => {
  const dropped = (names: string): string =>
    `Scope lists ${names}: protocol scopes need no listing, and were left out of the record`
  const record = await registered({
    ImpersonateLoginUrl: 'https://a.example/',
    Scope: 'read openid update offline_access',
  })
  matchesWhole(t, record, { Scope: 'read update', warnings: [dropped('openid, offline_access')] })
  const patched = await api.patch(appPath(String(record['ApplicationUri'])), { Scope: 'read profile' })
  matchesWhole(t, patched.json, { Scope: 'read', warnings: [dropped('profile')] })
  t.strictSame((await api.patch(appPath(String(record['ApplicationUri'])), { Name: 'Other' })).json['warnings'], [])
})

await t.test('RFC 8252 §7.3: a native app may use any port at localhost, as at the addresses', async (t) => {
  const { ApplicationUri: app, warnings } = await registered({ ImpersonateLoginUrl: 'http://localhost:7000/cb?x=1' })
  matchesWhole(t, warnings, [/names localhost, which can lead elsewhere than to this device/])
  for (const port of [':1', ':51004', ':65535'])
    t.match(await answerAt(app, `http://localhost${port}/cb?x=1`), `http://localhost${port}/cb?x=1&code=`)
  const others = ['/cb', '/cb?x=2', '/CB?x=1', '/cb/?x=1'].map((rest) => `http://localhost:1${rest}`)
  const hosts = ['http://127.0.0.1:1/cb?x=1', 'http://localhost.:1/cb?x=1', 'http://a.localhost:1/cb?x=1']
  const ports = ['0', '65536', '01', '1@a.example'].map((port) => `http://localhost:${port}/cb?x=1`)
  for (const uri of [...others, ...hosts, ...ports, 'https://localhost:1/cb?x=1'])
    t.equal((await authorize(instance, { client_id: String(app), redirect_uri: uri, ...PKCE })).status, 400, uri)
  const secret = { ClientType: 'Confidential', ImpersonateLoginUrl: 'http://localhost:7000/cb' }
  const { ApplicationUri: web } = await registered(secret)
  const elsewhere = { client_id: String(web), redirect_uri: 'http://localhost:7001/cb', ...PKCE }
  t.equal((await authorize(instance, elsewhere)).status, 400, 'a Confidential app has the port it registered')
})
