import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeProtectedHeader, SignJWT } from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import t, { type Test } from 'tap'
import { auditOf } from '../../fixtures/admin/admin.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { logHoldsNoSecret, refused, tableHoldsNoSecret } from '../../fixtures/answers/refusals.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { asserting, assertionClaims, jwksOf, makeKey, signAs } from '../../fixtures/clients/app-keys.ts'
import { answerOf, obtainCode, PKCE, redeem, VERIFIER } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic, bearer, type Json, postForm } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import {
  type Client,
  initialToken,
  METADATA,
  registerClient,
  sendRegistration,
} from '../../fixtures/clients/registration.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import type { Instance } from '../../fixtures/instance/instance.ts'
import { freePort } from '../../fixtures/instance/ports.ts'
import { startWorld } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../../fixtures/sign-in/sign-in.ts'

const { instance, david } = await startWorld(t, {
  TESSERA_REGISTRATION: 'open',
  TESSERA_REGISTRATION_HOURLY: '1000',
  TESSERA_REGISTRATION_SCOPES: 'read',
  TESSERA_OUTBOUND_EXEMPT_HOSTS: 'localhost',
})
const tessera = tesseraOn(instance)
const [REDIRECT] = METADATA.redirect_uris
const UNDER_OAUTH = { error: 'invalid_client_metadata' } as const

const refusedFor = async (t: Test, what: Json, error: string, description: string, at = instance): Promise<void> =>
  refused(t, at, await sendRegistration(at, { ...METADATA, ...what }), { status: 400, error, description })

const signIn = async (client: Client, scope: string) => {
  const asked = { client_id: client.client_id, redirect_uri: REDIRECT, scope, ...PKCE }
  const code = await obtainCode(instance, asked)
  return redeem(
    instance,
    code,
    { redirect_uri: REDIRECT, code_verifier: VERIFIER },
    basic(client.client_id, client.client_secret),
  )
}

await t.test(
  'RFC 7591 §3.2.1: 201, not to be stored, with a generated id, a secret and the keys to the registration',
  async (t) => {
    const response = await sendRegistration(instance, METADATA)
    t.equal(response.status, 201)
    t.match(response.headers.get('content-type'), /^application\/json\b/)
    t.equal(response.headers.get('cache-control'), 'no-store')
    const client = response.json as Client
    matchesWhole(t, client, {
      client_id: /^self\.[0-9a-z]{16}$/,
      client_id_issued_at: Math.floor(instance.now() / 1000),
      client_secret: /^[\w-]{43}$/,
      client_secret_expires_at: 0,
      registration_access_token: /^[\w-]{43}$/,
      registration_client_uri: `${instance.issuer}/connect/register/${client.client_id}`,
      redirect_uris: [REDIRECT],
      client_name: 'Self-made shop',
      application_type: 'web',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      subject_type: 'public',
      id_token_signed_response_alg: 'RS256',
      scope: 'openid profile email phone address offline_access',
    })
  },
)

await t.test(
  'a person signs in at it with every protocol scope, after consent to an app that nobody vouches for',
  async (t) => {
    const client = await registerClient(instance)
    const browser = createBrowser(instance.origin)
    const url = authorizeUrl(instance, {
      client_id: client.client_id,
      redirect_uri: REDIRECT,
      scope: 'openid',
      ...PKCE,
    })
    const first = await browser.open(url)
    const consent = await browser.submit(first, 'login-submit', {
      username: 'david',
      password: 'correct horse battery staple',
    })
    t.match(consent.page.querySelector('#self-registered')?.text, /This app registered itself/)
    const tokens = tokensOf(await signIn(client, 'openid profile email address phone offline_access'))
    t.match(claimsOf(tokens.id_token), { sub: david.id, aud: client.client_id })
    t.ok(tokens.refresh_token)
  },
)

await t.test('all that is said is kept, and told again', async (t) => {
  const said = {
    redirect_uris: [REDIRECT, 'https://rp.example.com/two'],
    post_logout_redirect_uris: ['https://rp.example.com/bye'],
    client_name: 'Whole',
    'client_name#de': 'Ganz',
    client_uri: 'https://rp.example.com/',
    logo_uri: 'https://rp.example.com/logo.png',
    policy_uri: 'https://rp.example.com/policy',
    tos_uri: 'https://rp.example.com/terms',
    contacts: ['ops@rp.example.com', 'security@rp.example.com'],
    initiate_login_uri: 'https://rp.example.com/start',
    default_max_age: 3600,
    require_auth_time: true,
    default_acr_values: ['urn:tessera:pwd'],
    subject_type: 'pairwise',
    response_types: ['code', 'id_token code'],
    grant_types: ['authorization_code', 'implicit', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_post',
    application_type: 'web',
    id_token_signed_response_alg: 'RS256',
    scope: 'openid email read',
  }
  const ignored = { 'client_name#not a tag': 'x', software_id: 'x', unheard_of: { of: [1] }, jwks: null, tos_uri: null }
  const client = await registerClient(instance, { ...said, ...ignored, tos_uri: said.tos_uri })
  matchesWhole(t, client, {
    ...said,
    response_types: ['code', 'code id_token'],
    scope: 'openid profile email phone address offline_access read',
  })
  t.notOk('unheard_of' in client || 'software_id' in client)
  const shown = JSON.parse((await tessera(['app', 'show', client.client_id, '--json'])).stdout) as Json
  t.match(shown, {
    Name: 'Whole',
    LocalizedNames: '{"de":"Ganz"}',
    SelfRegistered: true,
    ClientType: 'Confidential',
    ImpersonateAsInternalUserAllowed: true,
    ImpersonateAsCommunityUserAllowed: false,
    RequireConsent: true,
    SystemUserAllowed: false,
    Scope: 'read',
    ClientUri: said.client_uri,
    Contacts: said.contacts.join(','),
    InitiateLoginUri: said.initiate_login_uri,
    DefaultMaxAge: 3600,
    RequireAuthTime: true,
    DefaultAcrValues: 'urn:tessera:pwd',
    SubjectType: 'pairwise',
  })
  const { apps } = JSON.parse((await tessera(['export', '--json'])).stdout) as { apps: Json[] }
  t.match(
    apps.find((app) => app['ApplicationUri'] === client.client_id),
    { SelfRegistered: true },
  )
  const [registered, secret] = await auditOf(instance, { app: client.client_id })
  t.match(registered, { event: 'app_registered', actor: 'nobody', address: '127.0.0.1' })
  t.match(secret, { event: 'app_secret_added' })
})

await t.test('token_endpoint_auth_method none makes a Public app: no secret, and PKCE is needed', async (t) => {
  const client = await registerClient(instance, { token_endpoint_auth_method: 'none' })
  t.notOk('client_secret' in client || 'client_secret_expires_at' in client)
  const asked = { client_id: client.client_id, redirect_uri: REDIRECT, scope: 'openid' }
  const code = await obtainCode(instance, { ...asked, ...PKCE })
  const fields = { redirect_uri: REDIRECT, code_verifier: VERIFIER, client_id: client.client_id }
  t.equal((await redeem(instance, code, fields, {})).status, 200)
  const browser = createBrowser(instance.origin)
  const without = await signInAndConsent(browser, await browser.open(authorizeUrl(instance, asked)), 'david')
  t.equal(answerOf(without).get('error'), 'invalid_request')
})

await t.test('ID tokens and userinfo are signed as the app asks', async (t) => {
  const algorithms = { id_token_signed_response_alg: 'ES256', userinfo_signed_response_alg: 'RS256' }
  const client = await registerClient(instance, algorithms)
  t.match(client, algorithms)
  const { access_token, id_token } = tokensOf(await signIn(client, 'openid'))
  t.equal(decodeProtectedHeader(id_token).alg, 'ES256')
  const claimed = await userinfo(instance, access_token)
  t.match(claimed.headers.get('content-type'), /^application\/jwt\b/)
  t.match(claimsOf(claimed.text), { sub: david.id, aud: client.client_id, iss: instance.issuer })
})

await t.test('redirect URIs: https for the web, loopback and private-use schemes for native apps', async (t) => {
  const native = { application_type: 'native', token_endpoint_auth_method: 'none' }
  const own = [
    'http://127.0.0.1/cb',
    'http://[::1]:5000/cb',
    'http://localhost/cb',
    'com.example.app:/cb',
    'https://app.example.com/cb',
  ]
  t.strictSame((await registerClient(instance, { ...native, redirect_uris: own }))['redirect_uris'], own)
  const { application_type } = await registerClient(instance, { redirect_uris: ['http://127.0.0.1:3000/cb'] })
  t.equal(application_type, 'native', 'whoever does not say it is told by the redirect URIs')
  const mixed = await registerClient(instance, { redirect_uris: ['https://rp.example.com/cb', 'http://localhost/cb'] })
  t.equal(mixed['application_type'], 'native', 'one that only native apps have is enough')
  const local = { application_type: 'web', redirect_uris: ['http://localhost:8080/cb', 'http://127.0.0.1/cb'] }
  matchesWhole(t, await registerClient(instance, local), local, 'a web app under development gets a code there')
  for (const [uris, reason, more] of [
    [['https://rp.example.com/cb#x'], 'https://rp.example.com/cb#x must not have a fragment'],
    [['http://rp.example.com/cb'], 'http://rp.example.com/cb must use https (plain http is for loopback only)'],
    [['http://rp.example.com/cb'], 'http://rp.example.com/cb must use https (plain http is for loopback only)', native],
    [
      ['https://*.example.com/cb'],
      'https://*.example.com/cb must not contain wildcards, backslashes or other characters that URIs exclude',
    ],
    [
      ['javascript:alert(1)'],
      'javascript:alert(1) is for application_type native; web needs https or loopback',
      { application_type: 'web' },
    ],
    [['javascript:alert(1)'], 'javascript:alert(1) must not use the scheme javascript:', native],
    [['JaVaScRiPt:alert(1)'], 'JaVaScRiPt:alert(1) must not use the scheme JaVaScRiPt:', native],
    [['data:text/html,x'], 'data:text/html,x must not use the scheme data:', native],
    [
      ['http://localhost/cb'],
      'http://localhost/cb is for application_type native; web needs https where tokens come by way of the browser',
      { application_type: 'web', response_types: ['code id_token'] },
    ],
    [[], 'is required: people are sent back there'],
    [undefined, 'is required: people are sent back there'],
    ['https://rp.example.com/cb', 'expects an array of texts'],
    [[7], 'expects a text that is not empty'],
  ] as const)
    await refusedFor(t, { redirect_uris: uris, ...more }, 'invalid_redirect_uri', `redirect_uris: ${reason}`)
})

await t.test('what cannot be kept is refused by name, all of it at once', async (t) => {
  for (const [what, description] of [
    [
      { subject_type: 'x', default_max_age: -1 },
      'default_max_age: expects a whole number of seconds; subject_type: expects one of public, pairwise',
    ],
    [
      { token_endpoint_auth_method: 'tls_client_auth' },
      /^token_endpoint_auth_method: expects one of client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, none/,
    ],
    [
      { response_types: ['token', 'id_token'] },
      'response_types: none of these is offered; expects some of: code, code id_token',
    ],
    [
      { grant_types: ['client_credentials'] },
      'grant_types: none of these is offered to apps that register themselves; expects some of authorization_code, refresh_token, implicit',
    ],
    [{ application_type: 'service' }, 'application_type: expects one of web, native'],
    [
      { id_token_signed_response_alg: 'none' },
      'id_token_signed_response_alg: expects one of RS256, PS256, ES256, EdDSA',
    ],
    [{ initiate_login_uri: 'http://rp.example.com/start' }, 'initiate_login_uri: must be an https URL'],
    [{ logo_uri: 'javascript:alert(1)' }, 'logo_uri: must be an https URL'],
    [
      { client_uri: 'data:text/html,x', policy_uri: 'http://x.example', tos_uri: 'x' },
      'policy_uri: must be an https URL; tos_uri: must be an https URL; client_uri: must be an https URL',
    ],
    [
      { client_name: 'turned \u202e round' },
      'client_name: must not contain control characters, line breaks, or characters that are invisible or change the text direction',
    ],
    [{ scope: 'openid,read' }, 'scope: expects scope names separated by spaces'],
    [{ scope: 'openid "read"' }, 'scope: expects scope names separated by spaces'],
    [{ scope: ['read'] }, 'scope: expects a text that is not empty'],
    [{ contacts: 'ops@rp.example.com' }, 'contacts: expects an array of texts'],
    [
      { post_logout_redirect_uris: ['https://rp.example.com/#x'] },
      'post_logout_redirect_uris: https://rp.example.com/#x must not have a fragment',
    ],
    [
      { subject_type: 'pairwise', redirect_uris: ['https://a.example/cb', 'https://b.example/cb'] },
      'sector_identifier_uri: is required for pairwise subjects, as the redirect URIs are not all on one host',
    ],
  ] as const) {
    const response = await sendRegistration(instance, { ...METADATA, ...what })
    const told = response.json as { error_description: string }
    if (description instanceof RegExp) t.match(told.error_description, description)
    refused(t, instance, response, {
      ...UNDER_OAUTH,
      status: 400,
      description: description instanceof RegExp ? told.error_description : description,
    })
  }
})

await t.test('RFC 7591 §3.2.2: everything that is wrong is told at once, under the code that fits', async (t) => {
  const redirect = { redirect_uris: ['https://rp.example.com/cb#x', 'http://rp.example.com/cb'] }
  const uris =
    'redirect_uris: https://rp.example.com/cb#x must not have a fragment; redirect_uris: http://rp.example.com/cb must use https (plain http is for loopback only)'
  const method = 'token_endpoint_auth_method: expects one of client_secret_basic, client_secret_post,'
  const statement = 'software_statement: expects a signed JWT in compact form'
  for (const [what, error, told] of [
    [redirect, 'invalid_redirect_uri', [uris]],
    [
      { ...redirect, logo_uri: 'http://rp.example.com/logo', grant_types: ['password'], software_statement: 'x' },
      'invalid_redirect_uri',
      [uris, 'logo_uri: must be an https URL', 'grant_types: none of these is offered', statement],
    ],
    [{ software_statement: 'x' }, 'invalid_software_statement', [statement]],
    [
      { software_statement: 7, tos_uri: 'x' },
      'invalid_software_statement',
      [statement, 'tos_uri: must be an https URL'],
    ],
    [
      { token_endpoint_auth_method: 'x', token_endpoint_auth_signing_alg: 'RS256', jwks_uri: 'https://10.0.0.1/' },
      'invalid_client_metadata',
      [method, 'jwks_uri: must be an https URL on the public internet'],
    ],
    [
      { subject_type: 'pairwise', redirect_uris: ['https://a.example/', 'https://b.example/'], contacts: 'x' },
      'invalid_client_metadata',
      ['contacts: expects an array of texts', 'sector_identifier_uri: is required for pairwise subjects'],
    ],
  ] as const) {
    const answer = await sendRegistration(instance, { ...METADATA, ...what })
    const { error_description: description } = answer.json as { error_description: string }
    t.strictSame([answer.status, answer.json['error']], [400, error], description)
    for (const part of told) t.ok(description.includes(part), `${part}: ${description}`)
    t.notMatch(description, /token_endpoint_auth_signing_alg/, 'nothing that only follows from something else')
  }
})

await t.test('an empty text says as little as nothing at all', async (t) => {
  const empty = { client_uri: '', logo_uri: '', tos_uri: ' ', policy_uri: '', jwks_uri: '', client_name: '', scope: '' }
  const client = await registerClient(instance, { ...empty, software_id: '', token_endpoint_auth_method: '' })
  const bare = await registerClient(instance, { client_name: undefined })
  t.strictSame(Object.keys(client), Object.keys(bare))
  t.match(client, {
    client_name: client.client_id,
    scope: bare['scope'],
    token_endpoint_auth_method: 'client_secret_basic',
  })
})

await t.test('RFC 7591 §3.2.1: what is not offered is left out, and the answer says what is registered', async (t) => {
  const client = await registerClient(instance, {
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code', 'implicit'],
    response_types: ['code', 'none', 'token'],
    scope: 'openid read update groups sec offline_access',
  })
  t.strictSame(client['grant_types'], ['authorization_code', 'refresh_token'])
  t.strictSame(client['response_types'], ['code'])
  t.equal(client['scope'], 'openid profile email phone address offline_access read')
  t.strictSame((await registerClient(instance, { grant_types: [], response_types: [] }))['response_types'], ['code'])
})

await t.test('a client of the Model Context Protocol registers itself and signs somebody in', async (t) => {
  const redirect_uris = ['http://localhost:33418/cb', 'https://claude.example/cb']
  const answer = await sendRegistration(instance, {
    redirect_uris,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    scope: '',
  })
  t.equal(answer.status, 201, answer.text)
  matchesWhole(t, answer.json, {
    redirect_uris,
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
  })
  const client_id = String(answer.json['client_id'])
  for (const redirect_uri of redirect_uris) {
    const code = await obtainCode(instance, { client_id, redirect_uri, scope: 'openid offline_access', ...PKCE })
    const fields = { redirect_uri, code_verifier: VERIFIER, client_id }
    t.ok(tokensOf(await redeem(instance, code, fields, {})).refresh_token, redirect_uri)
  }
})

await t.test('oauth4webapi registers itself', async (t) => {
  const insecure = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(instance.issuer)
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const metadata = {
    redirect_uris: ['http://127.0.0.1/cb'],
    token_endpoint_auth_method: 'none',
    scope: 'openid groups',
  }
  const response = await oauth.dynamicClientRegistrationRequest(server, metadata, insecure)
  const client = await oauth.processDynamicClientRegistrationResponse(response)
  t.match(client, { client_id: /^self\./, application_type: 'native', token_endpoint_auth_method: 'none' })
})

await t.test('what is not a JSON object is no registration', async (t) => {
  for (const body of ['[]', '7', 'null', '"x"'])
    refused(t, instance, await sendRegistration(instance, body), {
      status: 400,
      error: 'invalid_request',
      description: 'the body must be a JSON object',
    })
  for (const body of ['{', '', '{"__proto__":{"x":1}}'])
    refused(t, instance, await sendRegistration(instance, body), {
      status: 400,
      error: 'invalid_request',
      description: 'the request is malformed or too large',
    })
  const form = await sendRegistration(instance, 'a=b', { 'content-type': 'application/x-www-form-urlencoded' })
  refused(t, instance, form, {
    status: 415,
    error: 'invalid_request',
    description: 'the body must be application/json',
  })
  const polluting = await registerClient(instance, { constructor: 'x', toString: 7 })
  t.notOk('constructor' in polluting && Object.hasOwn(polluting, 'constructor'))
})

await t.test('implicit response types where the operator offers them', async (t) => {
  const { instance: implicit } = await startWorld(t, { TESSERA_REGISTRATION: 'open', TESSERA_IMPLICIT: 'true' })
  const client = await registerClient(implicit, { response_types: ['token id_token', 'id_token'] })
  t.strictSame(client['response_types'], ['id_token token', 'id_token'])
  t.strictSame(client['grant_types'], ['implicit'])
})

await t.test('sector_identifier_uri is fetched, and must list every redirect URI', async (t) => {
  const answers: Record<string, [number, string]> = {
    '/good': [200, JSON.stringify([REDIRECT, 'https://other.example.com/cb'])],
    '/short': [200, JSON.stringify(['https://other.example.com/cb'])],
    '/object': [200, '{}'],
    '/html': [200, '<p>'],
    '/gone': [404, '[]'],
  }
  const server = createServer(({ url = '' }, response) => {
    const [status, body] = answers[url] ?? [302, '']
    response
      .writeHead(status, { 'content-type': 'application/json', ...(status === 302 ? { location: '/good' } : {}) })
      .end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  t.teardown(() => server.close())
  const at = `http://localhost:${(server.address() as AddressInfo).port}`
  const pairwise = { subject_type: 'pairwise', sector_identifier_uri: `${at}/good` }
  const shared = { ...pairwise, redirect_uris: ['https://other.example.com/cb', REDIRECT] }
  matchesWhole(t, await registerClient(instance, shared), shared)
  const closed = `http://localhost:${await freePort()}/x`
  for (const url of [...['/short', '/object', '/html', '/gone', '/elsewhere'].map((path) => `${at}${path}`), closed])
    await refusedFor(
      t,
      { sector_identifier_uri: url },
      'invalid_client_metadata',
      'sector_identifier_uri: must answer with a JSON array that lists every redirect URI',
    )
  for (const url of [
    'https://127.0.0.1/x',
    'https://[::1]/x',
    'https://169.254.169.254/latest',
    'http://rp.example.com/x',
    'https://a@rp.example.com/x',
  ])
    await refusedFor(
      t,
      { sector_identifier_uri: url },
      'invalid_client_metadata',
      'sector_identifier_uri: must be an https URL on the public internet',
    )
  server.closeAllConnections()
})

await t.test('openid-client registers itself and signs somebody in', async (t) => {
  const config = await openid.dynamicClientRegistration(
    new URL(instance.issuer),
    { redirect_uris: [REDIRECT], client_name: 'openid-client', token_endpoint_auth_method: 'client_secret_post' },
    undefined,
    { execute: [openid.allowInsecureRequests] },
  )
  const { client_id } = config.clientMetadata()
  const verifier = openid.randomPKCECodeVerifier()
  const parameters = {
    redirect_uri: REDIRECT,
    scope: 'openid email',
    state: openid.randomState(),
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  const browser = createBrowser(instance.origin)
  const url = openid.buildAuthorizationUrl(config, parameters)
  const { leftTo } = await signInAndConsent(browser, await browser.open(url.href), 'david')
  if (!leftTo) throw new Error('not sent back')
  // What openid-client knows about time is the time of this machine.
  const tokens = await openid.authorizationCodeGrant(config, leftTo, {
    pkceCodeVerifier: verifier,
    expectedState: parameters.state,
  })
  t.match(tokens.claims(), { sub: david.id, aud: client_id })
})

const startWith = async (mode: string): Promise<Instance> =>
  (await startWorld(t, { TESSERA_REGISTRATION: mode })).instance
const metadataOf = async (at: Instance): Promise<Json> =>
  (await (await fetch(`${at.issuer}/.well-known/openid-configuration`)).json()) as Json

await t.test('off: there is no endpoint, and discovery names none', async (t) => {
  const off = await startWith('off')
  refused(t, off, await sendRegistration(off, METADATA), {
    status: 404,
    error: 'not_found',
    description: 'there is nothing at this address',
  })
  t.notOk('registration_endpoint' in (await metadataOf(off)))
  t.equal((await metadataOf(instance))['registration_endpoint'], `${instance.issuer}/connect/register`)
})

await t.test('token: only whoever has an initial access token, as often as it says', async (t) => {
  const closed = await startWith('token')
  const none = await sendRegistration(closed, METADATA)
  t.equal(none.headers.get('www-authenticate'), 'Bearer realm="tessera"')
  refused(t, closed, none, {
    status: 401,
    error: 'invalid_token',
    description: 'registering an app requires an initial access token',
    cause: { rule: 'initial-token-missing' },
  })
  const bad = {
    status: 401,
    error: 'invalid_token',
    description: 'the initial access token is unknown, expired or used up',
    cause: { rule: 'initial-token-bad' },
  }
  refused(t, closed, await sendRegistration(closed, METADATA, bearer('x'.repeat(43))), bad)
  const { id, token } = await initialToken(closed, '--uses', '2', '--expires', '1h')
  t.equal((await sendRegistration(closed, { ...METADATA, subject_type: 'x' }, bearer(token))).status, 400)
  const client = await registerClient(closed, {}, bearer(token))
  matchesWhole(t, await auditOf(closed, { app: client.client_id }), [
    { event: 'app_registered', actor: `initial-token:${id}` },
    { event: 'app_secret_added', actor: `initial-token:${id}` },
  ])
  await registerClient(closed, {}, bearer(token))
  refused(t, closed, await sendRegistration(closed, METADATA, bearer(token)), bad)
  const { token: late } = await initialToken(closed, '--unlimited', '--expires', '1h')
  await registerClient(closed, {}, bearer(late))
  closed.advance(2 * 3_600_000)
  refused(t, closed, await sendRegistration(closed, METADATA, bearer(late)), bad)
  const { id: ended, token: revoked } = await initialToken(closed, '--expires', '1d')
  await tesseraOn(closed)(['registration', 'token', 'revoke', ended])
  refused(t, closed, await sendRegistration(closed, METADATA, bearer(revoked)), bad)
})

await t.test('one use is one app, however many ask at once', async (t) => {
  const closed = await startWith('token')
  const { token } = await initialToken(closed, '--uses', '1')
  const statuses = await Promise.all(
    Array.from({ length: 8 }, async () => (await sendRegistration(closed, METADATA, bearer(token))).status),
  )
  t.strictSame(statuses.sort(), [201, 401, 401, 401, 401, 401, 401, 401])
})

await t.test('no secret is in the log or among the refusals', async (t) => {
  logHoldsNoSecret(t, instance)
  await tableHoldsNoSecret(t, instance)
})

await t.test('private_key_jwt, client_secret_jwt: an app brings its keys, or gets a secret to sign with', async (t) => {
  const key = await makeKey('ES256', 'own')
  const keys = JSON.parse(jwksOf(key)) as object
  const keyed = await registerClient(instance, { token_endpoint_auth_method: 'private_key_jwt', jwks: keys })
  t.notOk('client_secret' in keyed, 'no secret where keys do')
  t.strictSame(keyed['jwks'], keys)
  const prove = async (client: string, assertion: string): Promise<unknown> => {
    const url = `${instance.issuer}/connect/introspect`
    const answer = await postForm(url, { token: 'nothing', ...asserting(assertion) })
    return (answer.json as { active?: boolean; error?: string }).active ?? client
  }
  const signed = await signAs(key, assertionClaims(instance, keyed.client_id))
  t.equal(await prove(keyed.client_id, signed), false, 'its assertion proves it')

  const sharing = await registerClient(instance, { token_endpoint_auth_method: 'client_secret_jwt' })
  const claims = assertionClaims(instance, sharing.client_id)
  const shared = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(String(sharing.client_secret)))
  t.equal(await prove(sharing.client_id, shared), false, 'so does one under its secret')

  const both = { token_endpoint_auth_method: 'private_key_jwt', jwks: keys, jwks_uri: 'https://rp.example.com/jwks' }
  t.match((await sendRegistration(instance, { ...METADATA, ...both })).json, {
    error: 'invalid_client_metadata',
    error_description: /^jwks_uri: cannot be combined with/,
  })
  t.match((await sendRegistration(instance, { ...METADATA, token_endpoint_auth_method: 'private_key_jwt' })).json, {
    error_description: /^token_endpoint_auth_method: private_key_jwt requires the public keys/,
  })
})
