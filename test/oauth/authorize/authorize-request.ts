// SQLite alone: refused before anything but the record of the app is read
import { createHash } from 'node:crypto'
import t from 'tap'
import { logHoldsNoSecret, type Refusal, refusedByPage, refusedByRedirect } from '../../fixtures/answers/refusals.ts'
import { answerOf, authorize, obtainCode, PKCE, redeem, VERIFIER } from '../../fixtures/clients/code-flow.ts'
import { basic, encode, type Fields } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { cpuOf } from '../../fixtures/instance/cpu-of.ts'
import {
  enableApp,
  HYBRID,
  HYBRID_REDIRECT,
  NOTE,
  SPA,
  SPA_REDIRECT,
  SYNC,
  startWorld,
  WEB,
  WEB_REDIRECT,
} from '../../fixtures/instance/world.ts'
import { createBrowser, type View } from '../../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../../fixtures/sign-in/sign-in.ts'

const { instance } = await startWorld(t)
const endpoint = `${instance.issuer}/connect/authorize`
/** David is signed in here and has allowed the web app everything. */
const signedIn = createBrowser(instance.origin)
await authorize(
  instance,
  { scope: 'openid profile email phone address offline_access read update' },
  { browser: signedIn },
)
const stranger = createBrowser(instance.origin)

const REQUEST = {
  client_id: WEB,
  redirect_uri: WEB_REDIRECT,
  response_type: 'code',
  scope: 'openid',
  state: 'the state',
} as const
const HYBRID_REQUEST = {
  ...REQUEST,
  client_id: HYBRID,
  redirect_uri: HYBRID_REDIRECT,
  response_type: 'code id_token',
  nonce: 'n',
} as const

const send = (fields: Fields, browser = stranger): Promise<View> => browser.open(`${endpoint}?${encode(fields)}`)
const post = (fields: Fields, browser = stranger, url = endpoint): Promise<View> =>
  browser.follow(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://app.example.com' },
    body: encode(fields).toString(),
  })

type Told = Omit<Parameters<typeof refusedByRedirect>[3], 'state'> & { readonly state?: string }

/** The same refusal by GET and POST, to a browser where nobody is signed in. */
async function toldToApp(t: Parameters<typeof refusedByRedirect>[0], fields: Fields, told: Told): Promise<void> {
  for (const view of [await send(fields), await post(fields)]) {
    refusedByRedirect(t, instance, view, { state: REQUEST.state, ...told })
  }
}

const invalid = (description: string): Told => ({ error: 'invalid_request', description })

await instance.addApp({
  applicationUri: 'my.trusted.app/off',
  impersonateAsInternalUserAllowed: true,
  impersonateLoginUrl: ['https://off.example.com/cb'],
})
await enableApp(instance, 'my.trusted.app/off', false)
await instance.addApp({
  applicationUri: 'my.trusted.app/strict',
  requirePkce: true,
  impersonateAsInternalUserAllowed: true,
  impersonateLoginUrl: ['https://strict.example.com/cb'],
})

await t.test('AU-01 app disabled, unknown or a note: an error page, never a redirect', async (t) => {
  const page = (client_id: string, cause: string): Refusal => ({
    status: 400,
    error: 'invalid_client',
    description: 'client_id is not that of an app that people can sign in to',
    cause: { client_id, cause },
  })
  const rows: [string, string, string][] = [
    ['nobody', WEB_REDIRECT, 'no app has this ApplicationUri'],
    [WEB.toUpperCase(), WEB_REDIRECT, 'no app has this ApplicationUri'],
    [`${WEB} `, WEB_REDIRECT, 'no app has this ApplicationUri'],
    ['my.trusted.app/off', 'https://off.example.com/cb', 'the app is disabled'],
    [NOTE, 'https://note.example/cb', 'ClientType is None'],
  ]
  for (const [client_id, redirect_uri, cause] of rows) {
    for (const more of [{}, { prompt: 'none' }, { response_type: 'token' }]) {
      const fields = { ...REQUEST, client_id, redirect_uri, ...more }
      refusedByPage(t, instance, await send(fields), page(client_id, cause))
      refusedByPage(t, instance, await send(fields, signedIn), page(client_id, cause))
      refusedByPage(t, instance, await post(fields), page(client_id, cause))
    }
  }
  const malformed = (description: string): Refusal => ({ status: 400, error: 'invalid_request', description })
  const { client_id: _, ...nobody } = REQUEST
  refusedByPage(t, instance, await send(nobody), malformed('parameter is missing: client_id'))
  const twice: Fields = [...Object.entries(REQUEST), ['client_id', 'nobody']]
  refusedByPage(t, instance, await send(twice), malformed('parameter is repeated: client_id'))
  const long = malformed('parameter is too long: client_id (at most 128 characters)')
  refusedByPage(t, instance, await send({ ...REQUEST, client_id: 'x'.repeat(129) }), long)
  const markup = await send({ ...REQUEST, client_id: '"><script>alert(1)</script>' })
  t.equal(markup.status, 400)
  t.notMatch(markup.text, /<script|alert\(1\)/)
})

await t.test('AU-02 the redirect URI is checked before anything that would be redirected', async (t) => {
  const evil = { ...REQUEST, redirect_uri: 'https://evil.test/' }
  const page: Refusal = {
    status: 400,
    error: 'invalid_request',
    description: 'redirect_uri is not registered for this app',
  }
  for (const more of [
    { response_type: 'token' },
    { response_type: undefined },
    { scope: undefined },
    { scope: 'nonsense' },
    { prompt: 'none' },
    { request: 'x' },
    { code_challenge_method: 'plain' },
    { response_mode: 'web_message' },
    { max_age: '-1' },
  ]) {
    refusedByPage(t, instance, await send({ ...evil, ...more }), page)
    refusedByPage(t, instance, await send({ ...evil, ...more }, signedIn), page)
  }
})

await t.test('AU-04 response_type', async (t) => {
  const unsupported: Told = {
    error: 'unsupported_response_type',
    description: 'response_type is not supported; supported: code, code id_token',
  }
  const rows: [string, Told][] = [
    ['token', { ...unsupported, in: 'fragment' }],
    ['id_token', { ...unsupported, in: 'fragment' }],
    ['id_token token', { ...unsupported, in: 'fragment' }],
    ['code token', { ...unsupported, in: 'fragment' }],
    ['code id_token token', { ...unsupported, in: 'fragment' }],
    ['none', unsupported],
    ['foo', unsupported],
    ['CODE', unsupported],
    [' code ', unsupported],
    ['code code', unsupported],
    ['code,id', unsupported],
    ['"><script>', unsupported],
    ['', invalid('parameter is missing: response_type')],
    [
      'code id_token',
      { error: 'unauthorized_client', description: 'the app may not use this response_type', in: 'fragment' },
    ],
  ]
  for (const [response_type, told] of rows) {
    await t.test(JSON.stringify(response_type), (t) => toldToApp(t, { ...REQUEST, response_type }, told))
  }
  const repeated: Fields = [...Object.entries(REQUEST), ['response_type', 'code']]
  await toldToApp(t, repeated, invalid('parameter is repeated: response_type'))
  const { response_type: _, ...missing } = REQUEST
  await toldToApp(t, missing, invalid('parameter is missing: response_type'))
  await toldToApp(
    t,
    { ...missing, response_mode: 'fragment' },
    {
      ...invalid('parameter is missing: response_type'),
      in: 'fragment',
    },
  )
})

await t.test('an app through which nobody may sign in: unauthorized_client', async (t) => {
  const app = await instance.core.store.read.apps.find(SYNC)
  if (!app) throw new Error('no app')
  const impersonateLoginUrl = ['https://sync.example.com/cb']
  await instance.core.store.write(({ apps }) => apps.update({ ...app, impersonateLoginUrl }, 0))
  const fields = { ...REQUEST, client_id: SYNC, redirect_uri: 'https://sync.example.com/cb' }
  await toldToApp(t, fields, { error: 'unauthorized_client', description: 'the app may not sign people in' })
})

await t.test('AU-05 response_mode that is not offered is told in the default mode', async (t) => {
  const notOffered = invalid('response_mode is not supported; supported: query, fragment, form_post')
  for (const response_mode of ['FORM_POST', 'web_message', 'form_post.jwt', 'jwt', 'QUERY', 'query fragment']) {
    await toldToApp(t, { ...REQUEST, response_mode }, notOffered)
    await toldToApp(t, { ...HYBRID_REQUEST, response_mode }, { ...notOffered, in: 'fragment' })
  }
  await toldToApp(
    t,
    { ...HYBRID_REQUEST, response_mode: 'query' },
    {
      ...invalid('response_mode query is not allowed if the response contains a token'),
      in: 'fragment',
    },
  )
  const view = await send({ ...REQUEST, response_mode: 'fragment' }, signedIn)
  t.strictSame([view.leftTo?.search, answerOf(view).get('state')], ['', REQUEST.state], 'fragment may be asked for')
  t.ok(answerOf(view).get('code'))
})

await t.test('AU-06 code_challenge missing where it is forced', async (t) => {
  const missing = invalid('parameter is missing: code_challenge (this app must use PKCE)')
  await toldToApp(t, { ...REQUEST, client_id: SPA, redirect_uri: SPA_REDIRECT }, missing)
  const strict = { client_id: 'my.trusted.app/strict', redirect_uri: 'https://strict.example.com/cb' }
  await toldToApp(t, { ...REQUEST, ...strict }, missing)
  await toldToApp(t, { ...REQUEST, ...strict, code_challenge: '' }, missing)
  const code = await obtainCode(instance, { ...REQUEST, ...strict, ...PKCE }, { browser: signedIn })
  const fields = { redirect_uri: strict.redirect_uri, code_verifier: VERIFIER }
  t.equal((await redeem(instance, code, fields, basic(strict.client_id))).status, 200)
})

await t.test('AU-07 only S256', async (t) => {
  const { code_challenge } = PKCE
  const onlyS256 = invalid('code_challenge_method must be S256')
  for (const code_challenge_method of ['plain', 's256', 'S512', 'none', undefined]) {
    await toldToApp(t, { ...REQUEST, code_challenge, code_challenge_method }, onlyS256)
  }
  const twice: Fields = [...Object.entries({ ...REQUEST, ...PKCE }), ['code_challenge_method', 'plain']]
  await toldToApp(t, twice, invalid('parameter is repeated: code_challenge_method'))
  await toldToApp(
    t,
    { ...REQUEST, code_challenge_method: 'S256' },
    invalid('code_challenge_method was sent without code_challenge'),
  )
  for (const bad of [VERIFIER, code_challenge.slice(1), `${code_challenge}=`, code_challenge.replace(/.$/, '+')]) {
    const fields = { ...REQUEST, ...PKCE, code_challenge: bad }
    await toldToApp(t, fields, invalid('code_challenge is not a base64url SHA-256'))
  }
})

/** States that must come back as they were sent. */
const STATES = [
  'x',
  '~'.repeat(2048),
  'aZ09-._~'.repeat(16),
  'line\r\nbreak: x',
  '"><script>alert(1)</script>',
  "'--%00%0d%0a<!-- \\ & = # ? + / ;",
  'nul\0nul',
  '😀 смях ünïcode',
  ' leading and trailing ',
  '+ %2B %20',
  '=&error=access_denied&code=evil',
  '{"a":"b"}',
]

await t.test('AU-09, AU-15 state comes back byte for byte, with the issuer, on success and on error', async (t) => {
  for (const state of STATES) {
    await t.test(JSON.stringify(state).slice(0, 60), async (t) => {
      for (const view of [await send({ ...REQUEST, state }, signedIn), await post({ ...REQUEST, state }, signedIn)]) {
        t.strictSame(
          [answerOf(view).get('state'), answerOf(view).get('iss'), [...answerOf(view).keys()]],
          [state, instance.issuer, ['code', 'session_state', 'state', 'iss']],
        )
        t.notMatch(view.headers.get('location'), /[\s"<>]/)
      }
      const none = { error: 'login_required', description: 'nobody is signed in, or they must sign in again' }
      await toldToApp(t, { ...REQUEST, state, prompt: 'none' }, { ...none, state })
    })
  }
  const { state: _, ...without } = REQUEST
  t.strictSame(
    [...answerOf(await send(without, signedIn)).keys()],
    ['code', 'session_state', 'iss'],
    'none sent, none returned',
  )
  const page: Refusal = {
    status: 400,
    error: 'invalid_request',
    description: 'parameter is too long: state (at most 2048 characters)',
  }
  refusedByPage(t, instance, await send({ ...REQUEST, state: 'x'.repeat(2049) }, signedIn), page)
  const huge = await signedIn.request(`${endpoint}?${encode({ ...REQUEST, state: 'x'.repeat(65_536) })}`)
  t.strictSame([huge.status, huge.headers.get('location')], [431, null])
})

await t.test('AU-09 state survives sign-in and consent, and is in no page', async (t) => {
  for (const state of STATES) {
    const browser = createBrowser(instance.origin)
    const view = await send({ ...REQUEST, state, prompt: 'consent' }, browser)
    if (state.length > 3) t.notOk(view.text.includes(state))
    t.equal(answerOf(await signInAndConsent(browser, view, 'david')).get('state'), state)
  }
})

await t.test('AU-10 nonce is copied unchanged into the ID token, up to 512 characters', async (t) => {
  for (const nonce of ['aZ09-._~'.repeat(8), 'x'.repeat(512), '"><script>', 'Ünï 😀', '+ %2B']) {
    const code = await obtainCode(instance, { nonce }, { browser: signedIn })
    t.equal(claimsOf(tokensOf(await redeem(instance, code)).id_token)['nonce'], nonce)
  }
  const code = await obtainCode(instance, {}, { browser: signedIn })
  t.notOk('nonce' in claimsOf(tokensOf(await redeem(instance, code)).id_token))
  const long = invalid('parameter is too long: nonce (at most 512 characters)')
  await toldToApp(t, { ...REQUEST, nonce: 'x'.repeat(4096) }, long)
})

await t.test('AU-13 max_age that is no number of seconds', async (t) => {
  for (const max_age of ['-1', 'abc', '1e9', '1.5', ' 1', '0x10', '99999999999', '１']) {
    await toldToApp(t, { ...REQUEST, max_age }, invalid('max_age is not a whole number of seconds'))
  }
})

await t.test('prompt that is not understood', async (t) => {
  const offered = 'prompt is not supported; supported: none, login, consent, select_account'
  for (const prompt of ['nonsense', 'login nonsense', 'LOGIN', 'create', 'login  consent']) {
    await toldToApp(t, { ...REQUEST, prompt }, invalid(offered))
  }
  for (const prompt of ['none login', 'login none', 'none consent']) {
    await toldToApp(t, { ...REQUEST, prompt }, invalid('prompt none cannot be combined with other values'))
  }
})

await t.test('AU-16 request objects are refused and nothing is fetched', async (t) => {
  const description = 'request objects are not offered: send plain parameters'
  const request = `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`
  await toldToApp(t, { ...REQUEST, request }, { error: 'request_not_supported', description })
  const request_uri = 'http://169.254.169.254/latest/meta-data'
  await toldToApp(t, { ...REQUEST, request_uri }, { error: 'request_uri_not_supported', description })
  await toldToApp(t, { ...REQUEST, request_uri: 'urn:x' }, { error: 'request_uri_not_supported', description })
  for (const length of [2049, 4000]) {
    const long = 'x'.repeat(length)
    await toldToApp(t, { ...REQUEST, request: long }, { error: 'request_not_supported', description })
    const uri = { ...REQUEST, request_uri: `https://app.example.com/${long}` }
    await toldToApp(t, uri, { error: 'request_uri_not_supported', description })
  }
  await toldToApp(t, { ...REQUEST, request, request_uri }, { error: 'request_not_supported', description })
})

await t.test('AU-17 scope', async (t) => {
  const scopeRefused = (description: string): Told => ({ error: 'invalid_scope', description })
  const notAList = scopeRefused('scope is not a list of scope names separated by spaces')
  const rows: [string | undefined, Told][] = [
    ['delete', scopeRefused('scope is not registered for the app: delete')],
    ['OPENID', scopeRefused('scope is not registered for the app: OPENID')],
    ['openid sec', scopeRefused('scope is not registered for the app: sec')],
    ['openid\tread', notAList],
    ['"openid"', notAList],
    ['open\\id', notAList],
    ['openid\nread', notAList],
    [Array.from({ length: 200 }, (_, n) => `${n}`).join(' '), scopeRefused('more than 64 scopes')],
    ['s '.repeat(600), scopeRefused('parameter is too long: scope (at most 1024 characters)')],
  ]
  for (const [scope, told] of rows) {
    await t.test(JSON.stringify(scope)?.slice(0, 60) ?? 'absent', (t) => toldToApp(t, { ...REQUEST, scope }, told))
  }
  await toldToApp(
    t,
    { ...HYBRID_REQUEST, scope: 'read' },
    {
      ...scopeRefused('the request asks for an ID token, but scope does not contain openid'),
      in: 'fragment',
    },
  )
  const cpu = await cpuOf(async () => {
    t.equal((await post({ ...REQUEST, scope: 's '.repeat(5000) })).leftTo?.searchParams.get('error'), 'invalid_scope')
  })
  t.ok(cpu < 1000, `5,000 scopes at once: ${cpu} ms of CPU`)
})

await t.test('repeated, too long, or in the wrong place', async (t) => {
  const twice = (name: string): Fields => [...Object.entries(REQUEST), [name, 'a'], [name, 'b']]
  for (const name of ['nonce', 'prompt', 'ui_locales', 'foobar']) {
    await toldToApp(t, twice(name), invalid(`parameter is repeated: ${name}`))
  }
  const page = (description: string): Refusal => ({ status: 400, error: 'invalid_request', description })
  refusedByPage(t, instance, await send(twice('state')), page('parameter is repeated: state'))
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`p${n}`, 'x']))
  refusedByPage(t, instance, await send(many), page('more than 64 parameters'))
  const inUrl = page('parameters belong in the body of the request, not in its URL')
  refusedByPage(t, instance, await post(REQUEST, stranger, `${endpoint}?scope=openid`), inUrl)
  refusedByPage(t, instance, await post(REQUEST, signedIn, `${endpoint}?extra=1`), inUrl)
  await toldToApp(
    t,
    { ...REQUEST, login_hint: 'x'.repeat(257) },
    {
      error: 'invalid_request',
      description: 'parameter is too long: login_hint (at most 256 characters)',
    },
  )
})

await t.test('AU-20 other methods', async (t) => {
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const response = await signedIn.request(`${endpoint}?${encode(REQUEST)}`, { method })
    t.strictSame(
      [response.status, response.headers.get('allow'), response.headers.get('location')],
      [405, 'GET, HEAD, POST', null],
      method,
    )
  }
})

await t.test('requests that must work', async (t) => {
  const works: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'AU-25 unknown parameters': { extra: 'foobar', audience: 'x' },
    'display, claims_locales, ui_locales nobody has': { display: 'popup', claims_locales: 'se', ui_locales: 'se' },
    acr_values: { acr_values: '1 2' },
    'login_hint of an unknown user': { login_hint: 'buffy@example.com' },
    'claims are ignored': { claims: '{"userinfo":{"name":{"essential":true}}}' },
    'scope in any order': { scope: 'read email openid' },
    'response_mode=query': { response_mode: 'query' },
    'empty parameters count as absent': { nonce: '', prompt: '', max_age: '', request: '', code_challenge: '' },
    'PKCE by a Confidential app': PKCE,
  }
  for (const [name, more] of Object.entries(works)) {
    await t.test(name, async (t) => {
      for (const view of [
        await send({ ...REQUEST, ...more }, signedIn),
        await post({ ...REQUEST, ...more }, signedIn),
        await authorize(instance, { ...REQUEST, ...more }),
      ]) {
        t.match(answerOf(view).get('code'), /^[\w-]{43}$/)
        t.equal(answerOf(view).get('state'), REQUEST.state)
      }
    })
  }
  await t.test('parameters in any order', async (t) => {
    const view = await send(Object.entries(REQUEST).reverse(), signedIn)
    t.ok(answerOf(view).get('code'))
  })
  await t.test('AU-22 every redirect is 303, and POST is left by it', async (t) => {
    const response = await signedIn.request(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: encode(REQUEST).toString(),
    })
    t.equal(response.status, 303)
    t.match(response.headers.get('location'), `${endpoint}/continue?interaction=`)
    t.equal((await signedIn.request(`${endpoint}?${encode(REQUEST)}`)).status, 303)
  })
})

const leftHalfHash = (value: string): string =>
  createHash('sha256').update(value).digest().subarray(0, 16).toString('base64url')

await t.test('code id_token: both in the fragment, tied together, whatever the order of the words', async (t) => {
  for (const response_type of ['code id_token', 'id_token code']) {
    const nonce = 'aZ09-._~'.repeat(6)
    const view = await authorize(instance, { ...HYBRID_REQUEST, response_type, nonce }, { browser: signedIn })
    t.equal(view.leftTo?.search, '')
    const answer = answerOf(view)
    t.strictSame([...answer.keys()], ['code', 'id_token', 'session_state', 'state', 'iss'])
    const front = claimsOf(answer.get('id_token') ?? '')
    const code = answer.get('code') ?? ''
    t.match(front, { iss: instance.issuer, aud: HYBRID, nonce, c_hash: leftHalfHash(code), acr: 'urn:tessera:pwd' })
    t.notOk('at_hash' in front)
    const tokens = tokensOf(await redeem(instance, code, { redirect_uri: HYBRID_REDIRECT }, basic(HYBRID)))
    const back = claimsOf(tokens.id_token)
    t.match(back, {
      iss: front['iss'],
      sub: front['sub'],
      aud: HYBRID,
      nonce,
      at_hash: leftHalfHash(tokens.access_token),
    })
    t.equal(back['auth_time'], front['auth_time'])
    for (const claims of [front, back]) for (const claim of ['name', 'email']) t.notOk(claim in claims)
  }
  const { nonce: _, ...without } = HYBRID_REQUEST
  await toldToApp(t, without, {
    ...invalid('parameter is missing: nonce (required if the response contains an ID token)'),
    in: 'fragment',
  })
  await toldToApp(
    t,
    { ...HYBRID_REQUEST, prompt: 'none' },
    {
      error: 'login_required',
      description: 'nobody is signed in, or they must sign in again',
      in: 'fragment',
    },
  )
  const codeOnly = await authorize(instance, { ...HYBRID_REQUEST, response_type: 'code' }, { browser: signedIn })
  t.strictSame(
    [...answerOf(codeOnly).keys()],
    ['code', 'session_state', 'state', 'iss'],
    'the same app may ask for a code alone',
  )
})

await t.test('LG-31 the log holds no secret, code or token', (t) => {
  logHoldsNoSecret(t, instance)
  t.end()
})
