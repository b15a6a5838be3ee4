// SQLite alone: refused before anything but the record of the app is read
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { refusedByPage, refusedByRedirect } from '../../fixtures/answers/refusals.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { jwksOf, makeKey, signAs } from '../../fixtures/clients/app-keys.ts'
import { answerOf, PKCE, redeem, VERIFIER } from '../../fixtures/clients/code-flow.ts'
import { claimsOf, rawJwt } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import type { Instance } from '../../fixtures/instance/instance.ts'
import {
  OTHER,
  OTHER_REDIRECT,
  startWorld,
  WEB,
  WEB_REDIRECT,
  WEB_REDIRECT_WITH_QUERY,
} from '../../fixtures/instance/world.ts'
import { createBrowser, type View } from '../../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../../fixtures/sign-in/sign-in.ts'

const EXEMPT = { TESSERA_OUTBOUND_EXEMPT_HOSTS: '127.0.0.1' }
const [signed, both, off] = await Promise.all([
  startWorld(t, { TESSERA_REQUEST_OBJECTS: 'true', ...EXEMPT }),
  startWorld(t, { TESSERA_REQUEST_OBJECTS: 'true', TESSERA_IMPLICIT: 'true' }),
  startWorld(t),
])
const [es, rs, stranger] = await Promise.all([makeKey('ES256'), makeKey('RS256'), makeKey('ES256')])

async function change(instance: Instance, applicationUri: string, to: object): Promise<void> {
  await instance.core.store.write(async ({ apps }) => {
    const app = await apps.find(applicationUri)
    if (app) await apps.update({ ...app, ...to }, instance.now())
  })
}
for (const { instance } of [signed, both]) await change(instance, WEB, { jwks: jwksOf(es, rs) })
const { instance } = signed

type Parameters = Readonly<Record<string, unknown>>
const QUERY = { client_id: WEB, response_type: 'code', scope: 'openid', redirect_uri: WEB_REDIRECT, state: 'outside' }
const texts = (parameters: Parameters): Record<string, string> =>
  Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined)) as Record<string, string>
const open = (parameters: Parameters, at: Instance = instance, browser = createBrowser(at.origin)): Promise<View> =>
  browser.open(`${at.issuer}/connect/authorize?${new URLSearchParams(texts(parameters))}`)
const inside = (claims: Parameters = {}): Parameters => {
  const now = Math.floor(instance.now() / 1000)
  return texts({ iss: WEB, aud: instance.issuer, iat: now, exp: now + 300, ...claims })
}
const request = (claims: Parameters = {}, key = es): Promise<string> => signAs(key, inside(claims))

const INVALID = {
  error: 'invalid_request_object',
  description: 'the request object is not valid, or not signed as this app must sign it',
}
const BAD_URI = {
  error: 'invalid_request_uri',
  description: 'request_uri is not registered for this app, could not be fetched, or holds no request that it signed',
}

/** Signs in and returns what the app is told. */
async function answer(parameters: Parameters, at: Instance = instance): Promise<View> {
  const browser = createBrowser(at.origin)
  return signInAndConsent(browser, await open(parameters, at, browser), 'david')
}

await t.test(
  'H60 what is in the object wins: redirect_uri, state, nonce, scope, PKCE, claims and the rest',
  async (t) => {
    const object = await request({
      redirect_uri: WEB_REDIRECT_WITH_QUERY,
      state: 'inside',
      nonce: 'nonce-inside',
      scope: 'openid read',
      max_age: 1000,
      claims: { id_token: { name: null } },
      ...PKCE,
    })
    const view = await answer({
      ...QUERY,
      redirect_uri: 'https://evil.test/cb',
      nonce: 'nonce-outside',
      request: object,
    })
    t.match(view.leftTo?.href, `${WEB_REDIRECT_WITH_QUERY}&`)
    t.equal(answerOf(view).get('state'), 'inside')
    const code = answerOf(view).get('code') ?? ''
    const tokens = tokensOf(
      await redeem(instance, code, { redirect_uri: WEB_REDIRECT_WITH_QUERY, code_verifier: VERIFIER }),
    )
    t.equal(tokens.scope, 'openid read')
    t.match(claimsOf(tokens.id_token), { nonce: 'nonce-inside', name: 'David Miller', auth_time: Number })
  },
)

await t.test('OIDC Core §6.1 what the object leaves out may come beside it', async (t) => {
  const view = await answer({ ...QUERY, request: await request({ nonce: 'n' }) })
  t.equal(answerOf(view).get('state'), 'outside')
  t.ok(answerOf(view).get('code'))
  const posted = await createBrowser(instance.origin).open(`${instance.issuer}/connect/authorize`)
  t.equal(posted.status, 400)
})

await t.test('an object that does not count: told to the registered address beside it', async (t) => {
  const now = Math.floor(instance.now() / 1000)
  const rows: readonly (readonly [string, string | Promise<string>, string])[] = [
    ['by a stranger', request({}, stranger), 'app-signature-wrong'],
    ['unsigned', rawJwt({ alg: 'none' }, inside()), 'app-jwt-algorithm'],
    ['HS256', rawJwt({ alg: 'HS256' }, inside(), 'AAAA'), 'app-jwt-algorithm'],
    ['no JWT', 'x', 'app-jwt-malformed'],
    ['another kind of JWT', signAs(es, inside(), { typ: 'at+jwt' }), 'app-jwt-header-unsupported'],
    ['of another app', request({ iss: OTHER }), 'request-object-for-another-audience'],
    ['for another server', request({ aud: 'https://other.example.com' }), 'request-object-for-another-audience'],
    ['an assertion', request({ sub: WEB }), 'request-object-for-another-audience'],
    ['expired', request({ exp: now - 11 }), 'request-object-out-of-time'],
    ['not yet', request({ nbf: now + 61 }), 'request-object-out-of-time'],
    ['exp as text', request({ exp: 'soon' }), 'request-object-out-of-time'],
    ['iat before 1970', request({ iat: -1 }), 'request-object-out-of-time'],
    ['nbf before 1970', request({ nbf: -1 }), 'request-object-out-of-time'],
    ['another client_id', request({ client_id: OTHER }), 'request-object-differs'],
    ['another response_type', request({ response_type: 'code id_token' }), 'request-object-differs'],
    ['request inside', request({ request: 'x' }), 'request-object-nested'],
    ['request_uri inside', request({ request_uri: 'https://app.example.com/r' }), 'request-object-nested'],
    ['a number as state', request({ state: 7 }), 'request-object-malformed'],
    ['a list as redirect_uri', request({ redirect_uri: [WEB_REDIRECT] }), 'request-object-malformed'],
  ]
  for (const [situation, object, rule] of rows)
    await t.test(situation, async (t) => {
      const view = await open({ ...QUERY, request: await object })
      refusedByRedirect(t, instance, view, { ...INVALID, state: 'outside', cause: { rule, client_id: WEB } })
    })
})

await t.test('nothing is ever redirected to an address that is not registered', async (t) => {
  const page = (view: View, error: string, description: string) =>
    refusedByPage(t, instance, view, { status: 400, error, description })
  const unregistered = 'redirect_uri is not registered for this app'
  const evil = 'https://evil.test/cb'
  page(await open({ ...QUERY, request: await request({ redirect_uri: evil }) }), 'invalid_request', unregistered)
  page(await open({ ...QUERY, redirect_uri: evil, request: await request() }), 'invalid_request', unregistered)
  page(await open({ ...QUERY, redirect_uri: evil, request: 'x' }), 'invalid_request', unregistered)
  const broken = await request({ redirect_uri: WEB_REDIRECT, exp: 1 })
  page(await open({ ...QUERY, redirect_uri: undefined, request: broken }), INVALID.error, INVALID.description)
  page(
    await open({ ...QUERY, client_id: undefined, request: await request() }),
    'invalid_request',
    'parameter is missing: client_id',
  )
  const nobody = 'client_id is not that of an app that people can sign in to'
  page(await open({ ...QUERY, client_id: 'nobody', request: await request() }), 'invalid_client', nobody)
})

await t.test('what is wrong inside a sound object is told to the address in it', async (t) => {
  const object = await request({ redirect_uri: WEB_REDIRECT, state: 'inside', scope: 'nothing' })
  const view = await open({ ...QUERY, redirect_uri: undefined, request: object })
  t.match(view.leftTo?.href, `${WEB_REDIRECT}?error=invalid_scope`)
  t.equal(answerOf(view).get('state'), 'inside')
})

await t.test('RequestObjectSigningAlg: no other algorithm', async (t) => {
  await change(instance, WEB, { requestObjectSigningAlg: 'RS256' })
  t.ok((await open({ ...QUERY, request: await request({}, rs) })).page.querySelector('#login-submit'))
  const view = await open({ ...QUERY, request: await request() })
  refusedByRedirect(t, instance, view, { ...INVALID, state: 'outside', cause: { rule: 'app-jwt-algorithm' } })
  await change(instance, WEB, { requestObjectSigningAlg: undefined })
})

await t.test('RequireSignedRequestObject: only what is signed counts', async (t) => {
  await change(instance, WEB, { requireSignedRequestObject: true })
  const missing = { error: 'invalid_request', description: 'this app must send its request as a signed request object' }
  refusedByRedirect(t, instance, await open(QUERY), { ...missing, state: 'outside' })
  const object = await request({ redirect_uri: WEB_REDIRECT, response_type: 'code', scope: 'openid', state: 'inside' })
  const view = await answer({ ...QUERY, state: 'outside', prompt: 'none', scope: 'openid read', request: object })
  t.equal(answerOf(view).get('state'), 'inside', 'prompt=none beside it counts for nothing')
  const tokens = tokensOf(await redeem(instance, answerOf(view).get('code') ?? ''))
  t.equal(tokens.scope, 'openid')
  await change(instance, WEB, { requireSignedRequestObject: false })
})

await t.test('request_uri: fetched from registered addresses alone', async (t) => {
  const state = { asked: [] as string[], status: 200, body: '' }
  const server = createServer(({ url = '' }, response) => {
    state.asked.push(url)
    response.writeHead(state.status, { location: '/elsewhere' }).end(state.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/request`
  const told = (view: View, rule: string) =>
    refusedByRedirect(t, instance, view, { ...BAD_URI, state: 'outside', cause: { rule } })
  told(await open({ ...QUERY, request_uri: uri }), 'request-uri-unregistered')
  t.strictSame(state.asked, [], 'AU-16 no fetch')
  await change(instance, WEB, { requestUris: [uri, 'https://10.0.0.1/request'] })
  state.body = await request({ state: 'fetched' })
  t.equal(answerOf(await answer({ ...QUERY, request_uri: uri })).get('state'), 'fetched')
  t.equal(
    answerOf(await answer({ ...QUERY, request_uri: `${uri}#GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM` })).get(
      'state',
    ),
    'fetched',
  )
  t.strictSame(state.asked, ['/request', '/request'], 'once for each sign-in, and not again while it goes on')
  for (const other of [`${uri}/`, `${uri}?x=1`, uri.replace('127.0.0.1', 'localhost')])
    told(await open({ ...QUERY, request_uri: other }), 'request-uri-unregistered')
  told(await open({ ...QUERY, request_uri: 'https://10.0.0.1/request' }), 'request-uri-unreachable')
  for (const status of [302, 404, 500]) {
    state.status = status
    told(await open({ ...QUERY, request_uri: uri }), 'request-uri-unreachable')
  }
  t.notOk(state.asked.includes('/elsewhere'))
  Object.assign(state, { status: 200, body: 'x' })
  told(await open({ ...QUERY, request_uri: uri }), 'app-jwt-malformed')
  const twice = { error: 'invalid_request', description: 'request and request_uri were sent together' }
  refusedByRedirect(t, instance, await open({ ...QUERY, request_uri: uri, request: await request() }), {
    ...twice,
    state: 'outside',
  })
})

await t.test(
  'unsigned objects: with the implicit switch on as well, and where the record does not ask for a signature',
  async (t) => {
    const at = both.instance
    const unsigned = (claims: Parameters = {}) =>
      rawJwt({ alg: 'none' }, { client_id: WEB, response_type: 'code', ...claims })
    const view = await answer({ ...QUERY, request: unsigned({ state: 'inside', nonce: 'n' }) }, at)
    t.equal(answerOf(view).get('state'), 'inside')
    const forged = `${unsigned()}AAAA`
    refusedByRedirect(t, at, await open({ ...QUERY, request: forged }, at), { ...INVALID, state: 'outside' })
    for (const app of [{ requestObjectSigningAlg: 'RS256' }, { requireSignedRequestObject: true }]) {
      await change(at, WEB, { requestObjectSigningAlg: undefined, requireSignedRequestObject: false, ...app })
      refusedByRedirect(t, at, await open({ ...QUERY, request: unsigned() }, at), { ...INVALID, state: 'outside' })
    }
    await change(at, WEB, { requestObjectSigningAlg: 'none', requireSignedRequestObject: false })
    t.ok((await open({ ...QUERY, request: unsigned() }, at)).page.querySelector('#login-submit'))
    refusedByRedirect(t, at, await open({ ...QUERY, request: await request() }, at), { ...INVALID, state: 'outside' })
  },
)

async function metadataOf(at: Instance) {
  const json = (await (await fetch(`${at.issuer}/.well-known/openid-configuration`)).json()) as Record<string, unknown>
  return Object.fromEntries(Object.entries(json).filter(([name]) => name.includes('request_')))
}

await t.test('discovery says what is offered', async (t) => {
  const offered = {
    request_parameter_supported: true,
    request_uri_parameter_supported: true,
    require_request_uri_registration: true,
  }
  const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA']
  t.strictSame(await metadataOf(instance), { ...offered, request_object_signing_alg_values_supported: algorithms })
  t.strictSame(await metadataOf(both.instance), {
    ...offered,
    request_object_signing_alg_values_supported: [...algorithms, 'none'],
  })
  t.strictSame(await metadataOf(off.instance), {
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  })
})

await t.test('H59 switched off, both are refused in so many words, and nothing is fetched', async (t) => {
  const description = 'request objects are not offered: send plain parameters'
  await toldOff(t, { request: 'a.b.c' }, { error: 'request_not_supported', description })
  await toldOff(t, { request_uri: 'https://app.example.com/r' }, { error: 'request_uri_not_supported', description })
  await change(off.instance, OTHER, { requireSignedRequestObject: true })
  const view = await open({ ...QUERY, client_id: OTHER, redirect_uri: OTHER_REDIRECT }, off.instance)
  const missing = 'this app must send its request as a signed request object'
  refusedByRedirect(t, off.instance, view, { error: 'invalid_request', description: missing, state: 'outside' })
})

async function toldOff(t: Test, more: Parameters, refusal: { error: string; description: string }): Promise<void> {
  const view = await open({ ...QUERY, ...more }, off.instance)
  refusedByRedirect(t, off.instance, view, { ...refusal, state: 'outside' })
}

await t.test('a request object can be explained', async (t) => {
  const tessera = tesseraOn(off.instance)
  const url = `${off.instance.issuer}/connect/authorize?${new URLSearchParams({ ...QUERY, request: 'a.b.c' })}`
  const { code, stdout } = await tessera(['explain', url, '--json'])
  t.equal(code, 1)
  t.match(JSON.parse(stdout), { refusal: { error: 'request_not_supported', rule: 'request-object-sent' } })
})
