import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { RESOURCE_DEFAULTS } from '../../src/domain/access/api-resource.ts'
import { APP_ATTRIBUTES } from '../../src/domain/apps/app-attributes.ts'
import { ALL_RESPONSE_TYPES } from '../../src/domain/apps/app-choices.ts'
import type { Shown } from '../../src/domain/apps/attribute-kinds.ts'
import { digest } from '../../src/lib/crypto/secrets.ts'
import { appPath, auditOf, isProblem, startAdminApi, TOOL } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { logHoldsNoSecret } from '../fixtures/answers/refusals.ts'
import { noteSecret } from '../fixtures/answers/secrets.ts'
import { asserting, assertionClaims, jwksOf, makeKey, signAs, type TestKey } from '../fixtures/clients/app-keys.ts'
import { answerOf, obtainCode, PKCE, redeem, refresh, VERIFIER } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl, requestServiceToken, requestToken } from '../fixtures/clients/endpoints.ts'
import { type Answer, basic, bearer, type Json } from '../fixtures/clients/http.ts'
import { claimsOf } from '../fixtures/clients/jwt.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { SECRET } from '../fixtures/instance/instance.ts'
import { startWorld } from '../fixtures/instance/world.ts'
import { createBrowser, type View } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'

const { instance } = await startWorld(t, { TESSERA_REQUEST_OBJECTS: 'true' })
const api = await startAdminApi(instance)
const REDIRECT = 'https://fx.example.com/cb'
const HASH = digest(SECRET)
const WEB_APP = {
  ClientType: 'Confidential',
  ApplicationSecretHash: HASH,
  ImpersonateLoginUrl: REDIRECT,
  ImpersonateAsInternalUserAllowed: true,
  Scope: 'read',
}
const SERVICE = {
  ClientType: 'Confidential',
  ApplicationSecretHash: HASH,
  SystemUserAllowed: true,
  SystemUser: 'svc.sync',
}

async function register(uri: string, record: Json): Promise<Answer> {
  const answer = await api.post('/apps', { ApplicationUri: uri, ...record })
  if (answer.status !== 201) throw new Error(`not registered: ${answer.text}`)
  return answer
}

/** What a browser ends at: an error page, a form, or the app. */
function whereabouts(view: View): string {
  if (view.leftTo) {
    const answer = answerOf(view)
    return answer.get('error') ?? [...answer.keys()].filter((key) => /code|id_token/.test(key)).join(' ')
  }
  const found = ['error-code', 'consent-approve', 'login-submit'].find((id) => view.page.querySelector(`#${id}`))
  return found === 'error-code' ? `page ${view.page.querySelector('#error-code')?.text.trim()}` : (found ?? 'nowhere')
}

const ask = (uri: string, parameters: Record<string, string> = {}, browser = createBrowser(instance.origin)) =>
  browser.open(authorizeUrl(instance, { client_id: uri, redirect_uri: REDIRECT, ...PKCE, ...parameters }))

async function askAs(uri: string, login: string, parameters: Record<string, string> = {}): Promise<View> {
  const browser = createBrowser(instance.origin)
  const view = await ask(uri, parameters, browser)
  if (!view.page.querySelector('#login-submit')) return view
  return browser.submit(view, 'login-submit', { username: login, password: 'correct horse battery staple' })
}

async function tokensFor(uri: string, scope = 'openid offline_access read') {
  const code = await obtainCode(instance, { client_id: uri, redirect_uri: REDIRECT, scope, ...PKCE })
  return tokensOf(await redeem(instance, code, { redirect_uri: REDIRECT, code_verifier: VERIFIER }, basic(uri)))
}

/** What the browser shows after somebody signed in at the app and then signed out. */
async function afterSignOut(uri: string): Promise<View> {
  const browser = createBrowser(instance.origin)
  const asked = { client_id: uri, redirect_uri: REDIRECT, ...PKCE }
  await signInAndConsent(browser, await browser.open(authorizeUrl(instance, asked)), 'david')
  return browser.submit(await browser.open(endSessionUrl(instance)), 'logout-confirm')
}

async function asService(uri: string, scope?: string): Promise<string> {
  const response = await requestServiceToken(instance, basic(uri), { scope })
  const json = response.json as Record<string, unknown>
  return String(json['error'] ?? json['scope'])
}

async function replay(uri: string): Promise<string> {
  const { refresh_token: token } = await tokensFor(uri)
  await refresh(instance, token, {}, basic(uri))
  instance.advance(5000)
  return String((await refresh(instance, token, {}, basic(uri))).status)
}

async function refreshAfterSignOut(uri: string): Promise<string> {
  const browser = createBrowser(instance.origin)
  const asked = { client_id: uri, redirect_uri: REDIRECT, scope: 'openid offline_access', ...PKCE }
  const code = answerOf(
    await signInAndConsent(browser, await browser.open(authorizeUrl(instance, asked)), 'david'),
  ).get('code')
  const fields = { redirect_uri: REDIRECT, code_verifier: VERIFIER }
  const { refresh_token: token } = tokensOf(await redeem(instance, code ?? '', fields, basic(uri)))
  await browser.submit(await browser.open(endSessionUrl(instance)), 'logout-confirm')
  return String((await refresh(instance, token, {}, basic(uri))).status)
}

async function refreshAfterMinutes(uri: string): Promise<string> {
  const { refresh_token: token } = await tokensFor(uri)
  instance.advance(120_000)
  return String((await refresh(instance, token, {}, basic(uri))).status)
}

const subAt = async (uri: string): Promise<string> => String(claimsOf((await tokensFor(uri)).id_token)['sub'])
/** The version of the UUID that it is. */
const subVersion = async (uri: string): Promise<string> => (await subAt(uri)).charAt(14)
const PERSON = { username: 'david', password: 'correct horse battery staple' }
const [first, second] = [await makeKey('ES256', 'first'), await makeKey('ES256', 'second')]
const KEYED = { ...SERVICE, Scope: 'read', TokenEndpointAuthMethod: 'private_key_jwt', Jwks: jwksOf(first) }

/** Asks for a token with an assertion. */
const assert =
  (key: TestKey, claims: Json = {}) =>
  async (uri: string) => {
    const assertion = await signAs(key, assertionClaims(instance, uri, claims))
    const answer = await requestToken(instance, { grant_type: 'client_credentials', ...asserting(assertion) })
    const json = answer.json as Json
    return String(json['error'] ?? json['scope'])
  }

interface Effect {
  readonly app?: Json
  readonly value: string | number | boolean | null
  /** What is changed along with it, where the record would not work otherwise. */
  readonly with?: Json
  readonly see: (uri: string) => Promise<string>
  readonly before: string
  readonly after: string
}

const consentShows = (text: string) => async (uri: string) =>
  String((await askAs(uri, 'david', { scope: 'openid' })).text.includes(text))

/** Attribute -> a request that shows it, before and after it is set. */
const EFFECTS: Readonly<Record<string, Effect>> = {
  Name: { value: 'Blue Shop', see: consentShows('Blue Shop'), before: 'false', after: 'true' },
  LocalizedNames: {
    value: '{"de":"Blauer Laden"}',
    see: async (uri) => String((await askAs(uri, 'david', { ui_locales: 'de' })).text.includes('Blauer Laden')),
    before: 'false',
    after: 'true',
  },
  ClientType: {
    value: 'None',
    app: { ...WEB_APP, ApplicationSecretHash: undefined },
    see: async (uri) => whereabouts(await ask(uri)),
    before: 'login-submit',
    after: 'page invalid_client',
  },
  ImpersonateLoginUrl: {
    value: `${REDIRECT},https://fx.example.com/other`,
    see: async (uri) => whereabouts(await ask(uri, { redirect_uri: 'https://fx.example.com/other' })),
    before: 'page invalid_request',
    after: 'login-submit',
  },
  ImpersonateLogoutUrl: {
    value: 'https://fx.example.com/bye',
    async see(uri) {
      const query = new URLSearchParams({ client_id: uri, post_logout_redirect_uri: 'https://fx.example.com/bye' })
      const view = await createBrowser(instance.origin).open(`${instance.issuer}/connect/endsession?${query}`)
      return view.leftTo?.href ?? whereabouts(view)
    },
    before: 'page invalid_request',
    after: 'https://fx.example.com/bye',
  },
  InsecureRedirectsAllowed: {
    value: true,
    with: { ImpersonateLoginUrl: 'http://10.0.0.5/cb' },
    see: async (uri) => whereabouts(await ask(uri, { redirect_uri: 'http://10.0.0.5/cb' })),
    before: 'page invalid_request',
    after: 'login-submit',
  },
  ImpersonateAsInternalUserAllowed: {
    value: false,
    with: { ImpersonateAsCommunityUserAllowed: true },
    see: async (uri) => whereabouts(await askAs(uri, 'david')),
    before: 'consent-approve',
    after: 'access_denied',
  },
  ImpersonateAsCommunityUserAllowed: {
    value: true,
    see: async (uri) => whereabouts(await askAs(uri, 'carla')),
    before: 'access_denied',
    after: 'consent-approve',
  },
  SystemUserAllowed: {
    app: { ...SERVICE, Scope: 'read' },
    value: false,
    see: asService,
    before: 'read',
    after: 'unauthorized_client',
  },
  SystemUser: {
    app: { ...SERVICE, Scope: 'read' },
    value: 'svc.other',
    async see(uri) {
      const { access_token: token } = tokensOf(await requestServiceToken(instance, basic(uri)))
      const told = await requestIntrospection(uri, token)
      return String(told['client_system_user'])
    },
    before: 'svc.sync',
    after: 'svc.other',
  },
  Scope: {
    app: { ...SERVICE, Scope: 'read' },
    value: 'read update',
    see: asService,
    before: 'read',
    after: 'read update',
  },
  AdministrationAllowed: {
    app: SERVICE,
    value: true,
    with: { Scope: 'sec' },
    see: (uri) => asService(uri, 'sec'),
    before: 'invalid_scope',
    after: 'sec',
  },
  // A note: no password ever opens anything, whatever it says.
  BasicAuthenticationAllowed: {
    value: true,
    async see(uri) {
      const fields = { grant_type: 'password', username: 'david', password: 'correct horse battery staple' }
      return String(((await requestToken(instance, fields, basic(uri))).json as Json)['error'])
    },
    before: 'unsupported_grant_type',
    after: 'unsupported_grant_type',
  },
  RequirePkce: {
    value: false,
    see: async (uri) =>
      whereabouts(
        await createBrowser(instance.origin).open(authorizeUrl(instance, { client_id: uri, redirect_uri: REDIRECT })),
      ),
    before: 'invalid_request',
    after: 'login-submit',
  },
  RequireConsent: {
    value: false,
    see: async (uri) => whereabouts(await askAs(uri, 'david')),
    before: 'consent-approve',
    after: 'code',
  },
  RefreshReplayWindow: { value: 0, see: replay, before: '200', after: '400' },
  AccessTokenLifetime: {
    value: 90,
    see: async (uri) => String((await tokensFor(uri)).expires_in),
    before: '3600',
    after: '90',
  },
  RefreshEndsWithSession: { value: true, see: refreshAfterSignOut, before: '200', after: '400' },
  RefreshTokenLifetime: { value: 60, see: refreshAfterMinutes, before: '200', after: '400' },
  AccessTokenFormat: {
    value: 'reference',
    see: async (uri) => String((await tokensFor(uri)).access_token.startsWith('enat_')),
    before: 'false',
    after: 'true',
  },
  ResponseTypes: {
    value: 'code,code id_token',
    async see(uri) {
      const view = await ask(uri, { response_type: 'code id_token', nonce: 'n' })
      return whereabouts(view)
    },
    before: 'unauthorized_client',
    after: 'login-submit',
  },
  Jwks: { app: KEYED, value: jwksOf(second), see: assert(second), before: 'invalid_client', after: 'read' },
  // Nobody answers there.
  JwksUri: {
    app: KEYED,
    value: 'https://jwks.invalid/',
    with: { Jwks: null },
    see: assert(first),
    before: 'read',
    after: 'invalid_client',
  },
  TokenEndpointAuthMethod: {
    app: { ...KEYED, TokenEndpointAuthMethod: 'client_secret' },
    value: 'private_key_jwt',
    see: assert(first),
    before: 'invalid_client',
    after: 'read',
  },
  TokenEndpointAuthSigningAlg: {
    app: KEYED,
    value: 'PS256',
    see: assert(first),
    before: 'read',
    after: 'invalid_client',
  },
  ClientAssertionAudience: {
    app: KEYED,
    value: 'issuer',
    see: assert(first, { aud: `${instance.issuer}/connect/token` }),
    before: 'read',
    after: 'invalid_client',
  },
  RequestObjectSigningAlg: {
    app: { ...WEB_APP, Jwks: jwksOf(first) },
    value: 'PS256',
    see: async (uri) => whereabouts(await ask(uri, { request: await signAs(first, { nonce: 'n' }) })),
    before: 'login-submit',
    after: 'invalid_request_object',
  },
  RequireSignedRequestObject: {
    app: { ...WEB_APP, Jwks: jwksOf(first) },
    value: true,
    see: async (uri) => whereabouts(await ask(uri)),
    before: 'login-submit',
    after: 'invalid_request',
  },
  // Nobody answers there.
  RequestUris: {
    value: 'https://request.invalid/',
    async see(uri) {
      await ask(uri, { request_uri: 'https://request.invalid/' })
      const refusal = instance.log.findLast((record) => record['error'] === 'invalid_request_uri')
      return String((refusal as { cause?: Json } | undefined)?.cause?.['rule'])
    },
    before: 'request-uri-unregistered',
    after: 'request-uri-unreachable',
  },
  SigningAlgorithm: {
    value: 'ES256',
    see: async (uri) => String(decodeProtectedHeader((await tokensFor(uri)).id_token).alg),
    before: 'RS256',
    after: 'ES256',
  },
  UserinfoSignedResponseAlg: {
    value: 'EdDSA',
    async see(uri) {
      const { access_token } = await tokensFor(uri)
      const url = `${instance.issuer}/connect/userinfo`
      return String((await fetch(url, { headers: bearer(access_token) })).headers.get('content-type'))
    },
    before: 'application/json; charset=utf-8',
    after: 'application/jwt',
  },
  LogoUri: {
    value: 'https://fx.example.com/logo.svg',
    see: consentShows('src="https://fx.example.com/logo.svg"'),
    before: 'false',
    after: 'true',
  },
  PolicyUri: {
    value: 'https://fx.example.com/policy',
    see: consentShows('href="https://fx.example.com/policy"'),
    before: 'false',
    after: 'true',
  },
  TosUri: {
    value: 'https://fx.example.com/terms',
    see: consentShows('href="https://fx.example.com/terms"'),
    before: 'false',
    after: 'true',
  },
  SubjectType: { value: 'pairwise', see: subVersion, before: '4', after: '8' },
  SectorIdentifierUri: {
    value: 'https://sector.example.com/uris.json',
    app: { ...WEB_APP, SubjectType: 'pairwise' },
    see: async (uri) => String((await subAt(uri)) === (await subAt('fx/SubjectType'))),
    before: 'true',
    after: 'false',
  },
  DefaultMaxAge: {
    value: 0,
    async see(uri) {
      const browser = createBrowser(instance.origin)
      await browser.submit(await ask(uri, {}, browser), 'login-submit', PERSON)
      return whereabouts(await ask(uri, {}, browser))
    },
    before: 'consent-approve',
    after: 'login-submit',
  },
  BackchannelLogoutUri: {
    value: 'https://rp.invalid/logout',
    async see(uri) {
      await afterSignOut(uri)
      const { items } = (await api.get(`${appPath(uri)}/logouts`)).json as { items: { state: string }[] }
      return items.map(({ state }) => state).join()
    },
    before: '',
    after: 'waiting',
  },
  FrontchannelLogoutUri: {
    value: `${new URL(REDIRECT).origin}/front?a=1`,
    see: async (uri) =>
      (await afterSignOut(uri)).page.querySelector('iframe')?.getAttribute('src')?.split('&')[0] ?? '',
    before: '',
    after: `${new URL(REDIRECT).origin}/front?a=1`,
  },
}

/** Kept in the record: for what is built later, and what apps are told in any case. */
const WITHOUT_EFFECT_YET: Readonly<Record<string, { value: Shown; refused: Shown }>> = {
  BackchannelLogoutSessionRequired: { value: true, refused: 'maybe' },
  FrontchannelLogoutSessionRequired: { value: true, refused: 'maybe' },
  AccessTokens: { value: 'AdministratorsOnly', refused: 'Everybody' },
  ApiResources: { value: 'DomainAPI', refused: 'NowhereAPI' },
  RequireAuthTime: { value: true, refused: 'sometimes' },
  DefaultAcrValues: { value: 'urn:tessera:pwd', refused: 7 },
  ClientUri: { value: 'https://fx.example.com/', refused: 'javascript:alert(1)' },
  Contacts: { value: 'ops@fx.example.com', refused: 'turned \u202e round' },
  InitiateLoginUri: { value: 'https://fx.example.com/start', refused: 'http://fx.example.com/start' },
}

async function requestIntrospection(uri: string, token: string): Promise<Json> {
  const url = `${instance.issuer}/connect/introspect`
  const body = new URLSearchParams({ token })
  return (await (await fetch(url, { method: 'POST', headers: basic(uri), body })).json()) as Json
}

await instance.addUser({ login: 'svc.other', type: 'SystemUserNoLogin' })

await t.test('every attribute of the record is settable, and its effect shows at the protocol', async (t) => {
  const names = APP_ATTRIBUTES.map(({ name }) => name)
  t.strictSame(
    names.toSorted(),
    [...Object.keys(EFFECTS), ...Object.keys(WITHOUT_EFFECT_YET)].sort(),
    'none is left out',
  )
  for (const [name, { app = WEB_APP, value, with: more = {}, see, before, after }] of Object.entries(EFFECTS)) {
    const uri = `fx/${name}`
    await register(uri, app)
    t.equal(await see(uri), before, `${name} before`)
    const changed = await api.patch(appPath(uri), { [name]: value, ...more })
    t.equal(changed.status, 200, changed.text)
    t.equal(changed.json[name], value, name)
    t.equal(await see(uri), after, `${name} after`)
    t.equal((await api.get(appPath(uri))).json[name], value, `${name} is kept`)
    const told = name === 'SystemUser' ? { to: /^[0-9a-f-]{36}$/ } : { to: value }
    const event = (await auditOf(instance, { app: uri })).findLast((one) => one.event === 'app_updated')
    t.match(event, { actor: `app:${TOOL}`, address: '127.0.0.1', detail: { fields: { [name]: told } } })
  }
  for (const [name, { value, refused }] of Object.entries(WITHOUT_EFFECT_YET)) {
    const uri = `fx/${name}`
    await register(uri, WEB_APP)
    t.equal((await api.patch(appPath(uri), { [name]: value })).json[name], value, name)
    matchesWhole(t, (await api.patch(appPath(uri), { [name]: refused })).json, { errors: [{ attribute: name }] })
  }
})

await t.test('IsEnabled is the kill switch: the app is dead at the next request', async (t) => {
  const uri = 'fx/IsEnabled'
  await register(uri, WEB_APP)
  const tokens = await tokensFor(uri)
  const userinfo = async () =>
    (
      await fetch(`${instance.issuer}/connect/userinfo`, {
        headers: { authorization: `Bearer ${tokens.access_token}` },
      })
    ).status
  t.equal(await userinfo(), 200)
  t.match((await api.patch(appPath(uri), { IsEnabled: false })).json, { IsEnabled: false })
  t.equal(await userinfo(), 401)
  t.match((await refresh(instance, tokens.refresh_token, {}, basic(uri))).json, { error: 'invalid_client' })
  t.equal(whereabouts(await ask(uri)), 'page invalid_client')
  t.match((await api.patch(appPath(uri), { IsEnabled: true })).json, { IsEnabled: true })
  t.equal(await userinfo(), 401, 'enabling revives nothing')
  t.equal(whereabouts(await ask(uri)), 'login-submit')
  const events = (await auditOf(instance, { app: uri })).map(({ event }) => event)
  t.strictSame(
    events.filter((event) => /^app_(dis|en)abled$/.test(event)),
    ['app_disabled', 'app_enabled'],
  )
  t.match(await register('fx/born-disabled', { ...WEB_APP, IsEnabled: false }), { json: { IsEnabled: false } })
})

await t.test('the kill switch works where the rest of the record no longer does', async (t) => {
  const gone = {
    identifier: 'https://gone.example.com',
    name: 'Gone',
    scopes: [{ name: 'gone', description: undefined }],
    ...RESOURCE_DEFAULTS,
  }
  await instance.core.store.write(({ resources }) => resources.add(gone, instance.now()))
  t.equal((await register('fx/broken', { ...SERVICE, Scope: 'gone', ApiResources: gone.identifier })).status, 201)
  await instance.core.store.write(({ resources }) => resources.remove(gone.identifier))
  t.equal((await api.patch(appPath('fx/broken'), { Name: 'New' })).status, 422)
  t.match((await api.patch(appPath('fx/broken'), { IsEnabled: false })).json, { IsEnabled: false })
})

await t.test('a record is told whole, under its documented names', async (t) => {
  const made = await register('my.app/whole', { ...WEB_APP, Name: 'Whole' })
  t.equal(made.headers.get('location'), `/manage/api/v1${appPath('my.app/whole')}`)
  t.strictSame(made.json['warnings'], [])
  const { json } = await api.get(appPath('my.app/whole'))
  t.strictSame(Object.keys(json), [
    'ApplicationUri',
    ...APP_ATTRIBUTES.map(({ name }) => name),
    'SelfRegistered',
    'IsEnabled',
    'Secrets',
    'CreatedAt',
    'UpdatedAt',
  ])
  matchesWhole(t, json, {
    ApplicationUri: 'my.app/whole',
    Name: 'Whole',
    IsEnabled: true,
    Secrets: [{ Label: null, ExpiresAt: null }],
  })
  t.notMatch(JSON.stringify(json), HASH, 'not even the hash of a secret')
  const events = await auditOf(instance, { app: 'my.app/whole' })
  const registered = events.find(({ event }) => event === 'app_registered')
  matchesWhole(t, registered, {
    event: 'app_registered',
    actor: `app:${TOOL}`,
    detail: { fields: { Scope: { from: null, to: 'read' }, Name: { from: null, to: 'Whole' } } },
  })
})

await t.test('a merge patch changes what it names; null is the default again', async (t) => {
  const uri = 'my.app/merge'
  await register(uri, {
    ...WEB_APP,
    AccessTokenLifetime: 90,
    LogoUri: 'https://a.example/l.svg',
    RequireConsent: false,
  })
  const patch = { AccessTokenLifetime: null, LogoUri: null, RequireConsent: null, Name: 'Merged' }
  matchesWhole(t, (await api.patch(appPath(uri), patch)).json, {
    AccessTokenLifetime: null,
    LogoUri: null,
    RequireConsent: true,
    Name: 'Merged',
    Scope: 'read',
  })
  t.match((await api.patch(appPath(uri), { Name: null })).json, { Name: uri })
  const [event] = (await auditOf(instance, { app: uri })).slice(-1)
  t.strictSame(event?.detail, { fields: { Name: { from: 'Merged', to: uri } } }, 'before and after, and nothing else')
  const events = (await auditOf(instance, { app: uri })).length
  t.equal((await api.patch(appPath(uri), {})).status, 200)
  t.equal((await api.patch(appPath(uri), { ApplicationUri: uri, Name: uri, IsEnabled: true })).status, 200)
  t.equal((await auditOf(instance, { app: uri })).length, events, 'a change of nothing is not told')
  const json = await api.call(
    'PATCH',
    appPath(uri),
    { Name: 'J' },
    { 'if-match': '*', 'content-type': 'application/json' },
  )
  t.match(json.json, { Name: 'J' })
})

const WRONG: readonly (readonly [record: Json, status: number, errors: readonly string[]])[] = [
  [
    { ImpersonateLoginUrl: 'https://*.example.com/cb' },
    422,
    [
      'ImpersonateLoginUrl: https://*.example.com/cb must not contain wildcards, backslashes or other characters that URIs exclude',
    ],
  ],
  [
    { ImpersonateLoginUrl: 'https://a.example/cb#x' },
    422,
    ['ImpersonateLoginUrl: https://a.example/cb#x must not have a fragment'],
  ],
  [{ ImpersonateLoginUrl: 'http://a.example/cb' }, 422, ['ImpersonateLoginUrl: ?']],
  [
    { ImpersonateLoginUrl: 'javascript:alert(1)' },
    422,
    ['ImpersonateLoginUrl: javascript:alert(1) must not use the scheme javascript:'],
  ],
  [{ ImpersonateLoginUrl: 'data:text/html,x' }, 422, ['ImpersonateLoginUrl: ?']],
  [{ ImpersonateLogoutUrl: 'http://a.example/bye' }, 422, ['ImpersonateLogoutUrl: ?']],
  [{ ImpersonateLoginUrl: '' }, 422, ['ImpersonateLoginUrl: is required: people are sent there after sign-in']],
  [{ ClientType: 'Public' }, 422, ['ApplicationSecretHash: only a Confidential app has a secret']],
  [{ SystemUserAllowed: true }, 422, ['SystemUser: is required if SystemUserAllowed is true']],
  [
    { SystemUserAllowed: true, SystemUser: 'nobody' },
    422,
    [
      'SystemUser: no user is called "nobody"; create the account with: tessera user add nobody --type SystemUserNoLogin',
    ],
  ],
  [
    { SystemUserAllowed: true, SystemUser: 'david' },
    422,
    ['SystemUser: david is of type InternalUser, not SystemUserNoLogin'],
  ],
  [{ Scope: 'read raed' }, 422, ['Scope: no API resource has the scope raed; existing scopes: sec, read, update']],
  [{ ApplicationUri: 'a b' }, 422, ['ApplicationUri: must be 1 to 128 visible ASCII characters without spaces']],
  [
    { AccessTokenLifetime: 5 },
    422,
    ['AccessTokenLifetime: must be a whole number of seconds from 60 to 86400, which is 1m to 1d'],
  ],
  [{ LogoUri: 'http://a.example/l.svg' }, 422, ['LogoUri: must be an https URL']],
  [
    { RefreshReplayWindow: 61, Name: ' ', TosUri: 'x' },
    422,
    [
      'Name: must not be empty',
      'RefreshReplayWindow: must be a whole number of seconds from 0 to 60, which is 0 to 1m',
      'TosUri: must be an https URL',
    ],
  ],
  [{ RequirePkc: true }, 400, ['RequirePkc: cannot be set here; did you mean RequirePkce?']],
  [
    { Secrets: [], CreatedAt: 'x', constructor: 1 },
    400,
    ['Secrets: cannot be set here', 'CreatedAt: cannot be set here', 'constructor: cannot be set here'],
  ],
  [
    { RequirePkce: 'true', AccessTokenLifetime: '90', ClientType: 'public' },
    400,
    [
      'ClientType: expects one of Confidential, Public, None',
      'RequirePkce: expects true or false',
      'AccessTokenLifetime: expects a whole number of seconds, or null for the default',
    ],
  ],
  [{ ApplicationSecretHash: SECRET }, 400, ['ApplicationSecretHash: expects base64(SHA-256(secret)), made elsewhere']],
  [
    { ResponseTypes: 'token' },
    400,
    [
      `ResponseTypes: expects ${ALL_RESPONSE_TYPES.join(', ')}, or several of them, separated by commas, or a list of them`,
    ],
  ],
  [{ ClientType: null }, 400, ['ClientType: expects one of Confidential, Public, None']],
]

await t.test('a registration that cannot work is refused with every reason', async (t) => {
  const before = (await instance.core.store.read.apps.list()).length
  for (const [record, status, errors] of WRONG) {
    const answer = await api.post('/apps', { ApplicationUri: 'my.app/wrong', ...WEB_APP, ...record })
    const what = JSON.stringify(record)
    const type = status === 422 ? 'impossible-record' : 'malformed-request'
    isProblem(t, instance, answer, { status, type }, what)
    const told = (answer.json['errors'] as { attribute: string; reason: string }[]).map((e, index) =>
      errors[index]?.endsWith(': ?') ? `${e.attribute}: ?` : `${e.attribute}: ${e.reason}`,
    )
    t.strictSame(told.toSorted(), errors.toSorted(), what)
  }
  t.equal((await instance.core.store.read.apps.list()).length, before, 'nothing of it was stored')
  isProblem(t, instance, await api.post('/apps', {}), {
    status: 400,
    type: 'malformed-request',
    errors: [
      'ApplicationUri: is required: the client_id: 1 to 128 visible ASCII characters',
      'ClientType: is required: one of Confidential, Public, None',
    ],
  })
})

await t.test('the same holds for a change', async (t) => {
  await register('my.app/change', WEB_APP)
  const path = appPath('my.app/change')
  isProblem(t, instance, await api.patch(path, { ApplicationUri: 'other', ClientType: 'Public', Scope: 'x' }), {
    status: 422,
    type: 'impossible-record',
    errors: [
      'ApplicationUri: cannot be changed, as it is the client_id; register a new app and remove this one',
      'Scope: no API resource has the scope x; existing scopes: sec, read, update',
    ],
  })
  const unknown = await api.patch(path, { IsEnabld: false, ApplicationSecretHash: HASH })
  isProblem(t, instance, unknown, {
    status: 400,
    type: 'malformed-request',
    errors: ['IsEnabld: cannot be set here; did you mean IsEnabled?', 'ApplicationSecretHash: cannot be set here'],
  })
  t.match((await api.get(path)).json, { IsEnabled: true, ClientType: 'Confidential', Scope: 'read' })
})

await t.test('what is unwise is accepted with a warning', async (t) => {
  const PUBLIC = { ClientType: 'Public', ApplicationSecretHash: undefined }
  const warningsOf = async (uri: string, record: Json) => (await register(uri, record)).json['warnings']
  t.strictSame(await warningsOf('w/1', { ...WEB_APP, BasicAuthenticationAllowed: true }), [
    'BasicAuthenticationAllowed is only a note: APIs never accept passwords',
  ])
  t.strictSame(await warningsOf('w/0', { ...WEB_APP, ...PUBLIC, RequirePkce: false }), [
    'RequirePkce=false has no effect: a Public app must always use PKCE',
  ])
  t.strictSame(await warningsOf('w/2', { ClientType: 'None' }), [
    'ClientType None registers the app as a note only: it cannot use any flow',
  ])
  t.strictSame(await warningsOf('w/3', { ClientType: 'Confidential' }), [
    'nobody can use the app: it admits neither internal nor community users and has no System User',
  ])
  matchesWhole(t, (await api.patch(appPath('w/3'), { SystemUserAllowed: true, SystemUser: 'svc.sync' })).json, {
    warnings: ['Scope is empty: tokens that the app gets as its System User open no API'],
  })
})

await t.test('not found names the nearest; taken is a conflict', async (t) => {
  await register('my.app/nearest', WEB_APP)
  for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
    const body = method === 'PATCH' ? {} : undefined
    isProblem(t, instance, await api.call(method, appPath('my.app/neerest'), body, { 'if-match': '*' }), {
      status: 404,
      type: 'not-found',
      errors: ['ApplicationUri: no app has the ApplicationUri "my.app/neerest"; did you mean my.app/nearest?'],
    })
  }
  isProblem(t, instance, await api.get('/apps/my.app/nearest'), { status: 404, type: 'not-found', detail: /%2F/ })
  isProblem(t, instance, await api.post('/apps', { ApplicationUri: 'my.app/nearest', ...WEB_APP }), {
    status: 409,
    type: 'conflict',
    errors: ['ApplicationUri: my.app/nearest is already registered'],
  })
})

await t.test('any ApplicationUri can be addressed', async (t) => {
  for (const uri of ['a%2Fb', 'a?b#c', '~/%', 'q\'"<>&', '/'.repeat(128), 'x:y//z*;,=+$@!()[]']) {
    const made = await register(uri, WEB_APP)
    t.match((await api.get(String(made.headers.get('location')).slice('/manage/api/v1'.length))).json, {
      ApplicationUri: uri,
    })
    t.equal((await api.remove(appPath(uri))).status, 204, uri)
  }
})

await t.test('an ETag names one state of a record', async (t) => {
  const uri = 'my.app/etag'
  const made = await register(uri, WEB_APP)
  t.match(made.etag, /^"[^"]+"$/, 'strong')
  const shown = await api.get(appPath(uri))
  t.equal(shown.etag, made.etag)
  const known = await api.get(appPath(uri), { 'if-none-match': shown.etag })
  t.strictSame(
    { status: known.status, text: known.text, etag: known.etag },
    { status: 304, text: '', etag: shown.etag },
  )
  t.equal((await api.get(appPath(uri), { 'if-none-match': `W/${shown.etag}, "x"` })).status, 304)
  t.equal((await api.get(appPath(uri), { 'if-none-match': '"x"' })).status, 200)
  t.equal((await api.get(appPath(uri), { 'if-none-match': 'nonsense' })).status, 400)
  const changed = await api.patch(appPath(uri), { Name: 'Other' }, `"x", ${shown.etag}`)
  t.not(changed.etag, shown.etag)
  t.equal((await api.get(appPath(uri))).etag, changed.etag)
  isProblem(t, instance, await api.patch(appPath(uri), { Name: 'Late' }, shown.etag), {
    status: 412,
    type: 'precondition-failed',
  })
  isProblem(t, instance, await api.remove(appPath(uri), shown.etag), { status: 412, type: 'precondition-failed' })
  isProblem(t, instance, await api.patch(appPath(uri), { Name: 'Weak' }, `W/${changed.etag}`), {
    status: 412,
    type: 'precondition-failed',
  })
  for (const method of ['PATCH', 'DELETE'] as const) {
    const answer = await api.call(method, appPath(uri), method === 'PATCH' ? {} : undefined)
    isProblem(t, instance, answer, { status: 428, type: 'precondition-needed', detail: /If-Match: \*/ })
  }
  const used = String((changed.json['Secrets'] as Json[])[0]?.['Id'])
  await instance.core.store.write(({ apps }) => apps.touchSecrets([{ id: used, at: instance.now() }]))
  t.equal((await api.get(appPath(uri))).etag, changed.etag, 'the use of a secret is no change')
  await api.post(`${appPath(uri)}/secrets`, {})
  t.not((await api.get(appPath(uri))).etag, changed.etag, 'a new secret is')
  await api.patch(appPath(uri), { IsEnabled: false })
  const { etag } = await api.get(appPath(uri))
  await api.patch(appPath(uri), { IsEnabled: true })
  await api.patch(appPath(uri), { IsEnabled: false })
  t.not((await api.get(appPath(uri))).etag, etag, 'off, on and off again is another state')
})

await t.test('of parallel changes to one state one wins', async (t) => {
  const uri = 'my.app/race'
  const { etag } = await register(uri, WEB_APP)
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, n) => api.patch(appPath(uri), { AccessTokenLifetime: 100 + n }, etag)),
  )
  const won = answers.filter(({ status }) => status === 200)
  t.equal(won.length, 1)
  t.equal(answers.filter(({ status }) => status === 412).length, 11)
  t.equal((await api.get(appPath(uri))).json['AccessTokenLifetime'], won[0]?.json['AccessTokenLifetime'])
  const updates = (await auditOf(instance, { app: uri })).filter(({ event }) => event === 'app_updated')
  t.equal(updates.length, 1)
})

await t.test('secrets: made and shown once, or pasted in as a hash; two at most', async (t) => {
  const uri = 'my.app/secrets'
  await register(uri, { ...SERVICE, Scope: 'read' })
  const path = `${appPath(uri)}/secrets`
  instance.advance(1)
  const ends = new Date(instance.now() + 60_000).toISOString()
  const made = await api.post(path, { Label: 'new', ExpiresAt: ends })
  t.equal(made.status, 201)
  const secret = String(made.json['ApplicationSecret'])
  noteSecret(secret)
  t.match(secret, /^[A-Za-z0-9_-]{43}$/, '256 bits')
  t.match(made.json, { Label: 'new', ExpiresAt: /Z$/, Id: /./ })
  const grant = async (value: string) => (await requestServiceToken(instance, basic(uri, value))).status
  t.equal(await grant(secret), 200, 'the new one')
  t.equal(await grant(SECRET), 200, 'and the old one')
  isProblem(t, instance, await api.post(path, {}), {
    status: 409,
    type: 'conflict',
    errors: [
      `ApplicationSecretHash: ${uri} already has two valid secrets; wait until ${ends}, remove one, or end both at once with: tessera app rotate-secret ${uri} --overlap 0`,
    ],
  })
  const { store } = instance.core
  await store.write(({ apps }) => apps.touchSecrets([{ id: String(made.json['Id']), at: instance.now() }]))
  const listed = (await api.get(path)).json['items'] as Json[]
  matchesWhole(t, listed, [
    { Label: 'new', LastUsedAt: /Z$/ },
    { Label: null, LastUsedAt: /Z$/ },
  ])
  matchesWhole(t, (await api.get(appPath(uri))).json['Secrets'], [{ Label: 'new' }, { Label: null }])
  t.strictSame(Object.keys(listed[0] ?? {}), ['Id', 'Label', 'CreatedAt', 'ExpiresAt', 'LastUsedAt'])
  t.notMatch(JSON.stringify(listed), secret)
  t.equal((await api.remove(`${path}/${listed[1]?.['Id']}`)).status, 204)
  t.equal(await grant(SECRET), 401, 'removed, at once')
  instance.advance(61_000)
  t.equal(await grant(secret), 401, 'expired')
  const pasted = await api.post(path, { ApplicationSecretHash: HASH })
  t.equal(pasted.status, 201)
  t.notOk('ApplicationSecret' in pasted.json, 'nothing to show')
  t.equal(await grant(SECRET), 200)
  isProblem(t, instance, await api.remove(`${path}/nonsense`), { status: 404, type: 'not-found' })
  for (const [body, attribute] of [
    [{ ExpiresAt: 'soon' }, 'ExpiresAt'],
    [{ ExpiresAt: '2001-01-01T00:00:00Z' }, 'ExpiresAt'],
  ] as const) {
    matchesWhole(t, await api.post(path, body), { status: 422, json: { errors: [{ attribute }] } })
  }
  t.equal((await api.post(path, { Lable: 'x' })).status, 400)
  await register('my.app/public', {
    ClientType: 'Public',
    ImpersonateLoginUrl: REDIRECT,
    ImpersonateAsInternalUserAllowed: true,
  })
  matchesWhole(t, await api.post(`${appPath('my.app/public')}/secrets`, {}), {
    status: 409,
    json: { errors: [{ attribute: 'ApplicationSecretHash' }] },
  })
  const events = (await auditOf(instance, { app: uri })).map(({ event }) => event)
  t.strictSame(events.filter((event) => event.startsWith('app_secret')).slice(-3), [
    'app_secret_added',
    'app_secret_removed',
    'app_secret_added',
  ])
})

await t.test('a removed app is gone with what it issued', async (t) => {
  const uri = 'my.app/removed'
  await register(uri, WEB_APP)
  const tokens = await tokensFor(uri)
  t.equal((await api.remove(appPath(uri))).status, 204)
  const headers = { authorization: `Bearer ${tokens.access_token}` }
  t.equal((await fetch(`${instance.issuer}/connect/userinfo`, { headers })).status, 401)
  t.equal((await api.get(appPath(uri))).status, 404)
  const [event] = (await auditOf(instance, { app: uri })).slice(-1)
  matchesWhole(t, event, { event: 'app_removed', detail: { fields: { Scope: { from: 'read', to: null } } } })
})

await t.test('lists come in pages that inserts do not disturb', async (t) => {
  const later = async (name: string): Promise<void> => {
    instance.advance(1000)
    await register(`page/${name}`, WEB_APP)
  }
  for (const name of ['b', 'f', 'd', 'j', 'h']) await later(name)
  await api.patch(appPath('page/h'), { IsEnabled: false })
  const read = async (path: string) => {
    const { json, headers } = await api.get(path)
    const uris = (json['items'] as Json[]).map((app) => String(app['ApplicationUri']).slice('page/'.length))
    return { uris, next: json['next'], link: headers.get('link') }
  }
  const first = await read('/apps?limit=2&q=PAGE/')
  t.strictSame(first.uris, ['h', 'j'], 'the newest first')
  t.equal(first.link, `</manage/api/v1/apps?limit=2&q=PAGE%2F&cursor=${first.next}>; rel="next"`)
  await later('a')
  await api.remove(appPath('page/j'))
  const second = await read(`/apps?limit=2&q=page/&cursor=${first.next}`)
  t.strictSame(second.uris, ['d', 'f'])
  const third = await read(`/apps?limit=2&q=page/&cursor=${second.next}`)
  t.strictSame(third, { uris: ['b'], next: null, link: null })
  t.strictSame((await read('/apps?q=page/&isEnabled=false')).uris, ['h'])
  t.strictSame((await read('/apps?q=page/&isEnabled=true')).uris, ['a', 'd', 'f', 'b'])
  await register('page/e', WEB_APP)
  const [latest] = (await read('/apps?limit=1&q=page/')).uris
  t.equal(latest, 'e', 'of one moment the last by name')
  isProblem(
    t,
    instance,
    await api.get('/apps?cursor=Yg'),
    { status: 400, type: 'malformed-request' },
    'no place in time',
  )
  t.strictSame((await read('/apps?q=%25')).uris, [], 'a wildcard is a letter like any other')
  for (let n = 0; n < 55; n++) await register(`many/${n}`, WEB_APP)
  t.equal(((await api.get('/apps')).json['items'] as Json[]).length, 50, 'fifty unless told')
  for (const query of [
    'limit=0',
    'limit=201',
    'limit=x',
    'limit=2&limit=3',
    'cursor=***',
    'cursor=',
    'isEnabled=yes',
    'page=2',
  ]) {
    isProblem(t, instance, await api.get(`/apps?${query}`), { status: 400, type: 'malformed-request' }, query)
  }
})

await t.test('nothing secret is in the log', async (t) => logHoldsNoSecret(t, instance))
