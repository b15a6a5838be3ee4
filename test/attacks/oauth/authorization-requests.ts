// SQLite alone: refused before anything but the record of the app is read
import t, { type Test } from 'tap'
import { isPage, isTold } from '../../fixtures/answers/outcomes.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { authorize, PKCE } from '../../fixtures/clients/code-flow.ts'
import { encode, type Fields } from '../../fixtures/clients/http.ts'
import {
  enableApp,
  HYBRID,
  HYBRID_REDIRECT,
  NOTE,
  SPA,
  SPA_REDIRECT,
  WEB,
  WEB_REDIRECT,
} from '../../fixtures/instance/world.ts'
import { createBrowser, type View } from '../../fixtures/sign-in/browser.ts'

const REQUEST = {
  client_id: WEB,
  redirect_uri: WEB_REDIRECT,
  response_type: 'code',
  scope: 'openid',
  state: 'the state',
} as const
const OF_HYBRID = {
  ...REQUEST,
  client_id: HYBRID,
  redirect_uri: HYBRID_REDIRECT,
  response_type: 'code id_token',
  nonce: 'n',
} as const
const OF_SPA = { ...REQUEST, client_id: SPA, redirect_uri: SPA_REDIRECT } as const
const STRICT = 'my.trusted.app/strict'
const OF_STRICT = { ...REQUEST, client_id: STRICT } as const

const twice = (request: Readonly<Record<string, string>>, name: string, value: string): Fields => [
  ...Object.entries(request),
  [name, value],
]

/** What the app is told, by the error and then by row: each vector is what is sent. */
const TOLD: readonly (readonly [id: string, error: string, vectors: Readonly<Record<string, Fields>>])[] = [
  [
    'AU-04',
    'unsupported_response_type',
    Object.fromEntries(
      ['token', 'id_token', 'id_token token', 'code token', 'none', 'unknown', 'CODE', ' code ', 'code code'].map(
        (response_type) => [JSON.stringify(response_type), { ...REQUEST, response_type }],
      ),
    ),
  ],
  ['AU-04', 'invalid_request', { empty: { ...REQUEST, response_type: '' } }],
  ['AU-04', 'unauthorized_client', { 'not of this app': { ...REQUEST, response_type: 'code id_token', nonce: 'n' } }],
  [
    'AU-05',
    'invalid_request',
    Object.fromEntries(
      ['web_message', 'form_post.jwt', 'jwt', 'FORM_POST', 'query fragment'].map((response_mode) => [
        response_mode,
        { ...REQUEST, response_mode },
      ]),
    ),
  ],
  [
    'AU-06',
    'invalid_request',
    {
      'a Public app': OF_SPA,
      'an app with requirePkce': OF_STRICT,
      'an empty one': { ...OF_STRICT, code_challenge: '', code_challenge_method: 'S256' },
    },
  ],
  [
    'AU-07',
    'invalid_request',
    {
      ...Object.fromEntries(
        ['plain', 's256', 'S512', 'none', 'S256 '].map((code_challenge_method) => [
          code_challenge_method,
          { ...REQUEST, ...PKCE, code_challenge_method },
        ]),
      ),
      absent: { ...REQUEST, code_challenge: PKCE.code_challenge },
      'absent, by a Public app': { ...OF_SPA, code_challenge: PKCE.code_challenge },
      twice: twice({ ...REQUEST, ...PKCE }, 'code_challenge_method', 'plain'),
      'the challenge twice': twice({ ...REQUEST, ...PKCE }, 'code_challenge', PKCE.code_challenge),
    },
  ],
  ['AU-10', 'invalid_request', { '4 KiB': { ...REQUEST, nonce: 'x'.repeat(4096) } }],
  ['AU-11', 'invalid_request', { 'none login': { ...REQUEST, prompt: 'none login' } }],
  [
    'AU-13',
    'invalid_request',
    Object.fromEntries(
      ['-1', 'abc', '1e9', '1.5', ' 1', '0x10', '99999999999', '１'].map((max_age) => [
        `max_age=${max_age}`,
        { ...REQUEST, max_age },
      ]),
    ),
  ],
  [
    'AU-16',
    'request_not_supported',
    {
      request: { ...REQUEST, request: `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.` },
      'request and request_uri': { ...REQUEST, request: 'x', request_uri: 'https://evil.test/' },
    },
  ],
  [
    'AU-16',
    'request_uri_not_supported',
    Object.fromEntries(
      ['http://169.254.169.254/latest/meta-data', 'https://app.example.com/request', 'urn:x', 'file:///etc/passwd'].map(
        (request_uri) => [request_uri, { ...REQUEST, request_uri }],
      ),
    ),
  ],
  [
    'AU-17',
    'invalid_scope',
    Object.fromEntries(
      [
        ...[
          'unknown',
          'openid sec',
          'read delete',
          'openid,read',
          'openid read,update',
          'openid\tread',
          'openid\nread',
        ],
        ...['"openid"', 'open\\id', 'openid é', 'openid\0', '__proto__', 's '.repeat(10_000 / 20)],
        Array.from({ length: 200 }, (_, n) => `${n}`).join(' '),
      ].map((scope) => [JSON.stringify(scope).slice(0, 40), { ...REQUEST, scope }]),
    ),
  ],
]

/** What makes a request wrong in a way that would be redirected. */
const WRONG: readonly Readonly<Record<string, string>>[] = [
  { response_type: 'token' },
  { response_type: '' },
  { scope: 'nonsense' },
  { scope: '' },
  { prompt: 'none' },
  { request: 'x' },
  { code_challenge_method: 'plain' },
  { response_mode: 'web_message' },
  { max_age: '-1' },
  { claims: '{' },
  { id_token_hint: 'x' },
  { resource: 'https://evil.test/#' },
]

await attackGroup(t, 'B. Authorize: everything else', async ({ instance, attack }) => {
  const endpoint = `${instance.issuer}/connect/authorize`
  const OFF = { ...REQUEST, client_id: 'my.trusted.app/off' }
  const GONE = { ...REQUEST, client_id: 'my.trusted.app/gone' }
  for (const applicationUri of [OFF.client_id, GONE.client_id, STRICT])
    await instance.addApp({
      applicationUri,
      requirePkce: applicationUri === STRICT,
      impersonateAsInternalUserAllowed: true,
      impersonateLoginUrl: [WEB_REDIRECT],
    })
  await enableApp(instance, OFF.client_id, false)
  await instance.core.store.write(({ apps }) => apps.remove(GONE.client_id, instance.now()))
  /** David is signed in here, and has allowed the web app this much. */
  const davids = createBrowser(instance.origin)
  await authorize(instance, { scope: 'openid' }, { browser: davids })

  const get = (fields: Fields, browser = createBrowser(instance.origin)): Promise<View> =>
    browser.open(`${endpoint}?${encode(fields)}`)
  const post = (fields: Fields, browser = createBrowser(instance.origin)): Promise<View> =>
    browser.follow(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://app.example.com' },
      body: encode(fields).toString(),
    })
  const sentAs = (fields: Fields, name: string): string => encode(fields).get(name) ?? ''
  async function isToldEitherWay(t: Test, fields: Fields, error: string): Promise<void> {
    const to = { redirectUri: sentAs(fields, 'redirect_uri'), state: sentAs(fields, 'state') }
    // Who is signed in is not told apart from who is not, but by what was asked.
    for (const view of [await get(fields), await post(fields), await get(fields, davids)])
      if (error !== 'login_required' || view.leftTo?.searchParams.get('code') == null)
        isTold(t, instance, view, error, to)
  }

  for (const [name, fields] of [
    ['unknown', { ...REQUEST, client_id: 'nobody' }],
    ['in capitals', { ...REQUEST, client_id: WEB.toUpperCase() }],
    ['disabled', OFF],
    ['removed', GONE],
    ['a note', { ...REQUEST, client_id: NOTE, redirect_uri: 'https://note.example/cb' }],
    ['absent', { ...REQUEST, client_id: '' }],
    ['markup', { ...REQUEST, client_id: '"><script>alert(1)</script>' }],
    ['twice', twice(REQUEST, 'client_id', 'nobody')],
  ] as const)
    for (const prompt of [undefined, 'none'])
      await attack('AU-01', `client_id ${name}${prompt ? ', prompt=none' : ''}`, async (t) => {
        const asked: Fields = Array.isArray(fields) ? fields : { ...fields, prompt }
        for (const view of [await get(asked), await post(asked), await get(asked, davids)]) isPage(t, view)
      })

  for (const wrong of WRONG)
    await attack('AU-02', `the redirect URI first: ${JSON.stringify(wrong)}`, async (t) => {
      const asked = { ...REQUEST, ...wrong, redirect_uri: 'https://evil.test/' }
      for (const view of [await get(asked), await post(asked), await get(asked, davids)]) isPage(t, view)
    })

  for (const [id, error, vectors] of TOLD)
    for (const [name, fields] of Object.entries(vectors))
      await attack(id, `${name}: ${error}`, (t) => isToldEitherWay(t, fields, error))

  await attack('AU-05', 'query with an ID token: told in the fragment', async (t) => {
    const view = await get({ ...OF_HYBRID, response_mode: 'query' })
    isTold(t, instance, view, 'invalid_request', { redirectUri: HYBRID_REDIRECT, state: REQUEST.state })
    t.equal(view.leftTo?.search, '')
  })

  await attack('AU-11', 'prompt=none without a session: login_required', async (t) => {
    const to = { redirectUri: WEB_REDIRECT, state: REQUEST.state }
    for (const view of [await get({ ...REQUEST, prompt: 'none' }), await post({ ...REQUEST, prompt: 'none' })])
      isTold(t, instance, view, 'login_required', to)
  })
  await attack('AU-11', 'prompt=none with a session, and more than was allowed: consent_required', async (t) => {
    const view = await get({ ...REQUEST, scope: 'openid email', prompt: 'none' }, davids)
    isTold(t, instance, view, 'consent_required', { redirectUri: WEB_REDIRECT, state: REQUEST.state })
  })

  await attack('AU-17', '10,000 scopes take no longer than one', async (t) => {
    const timed = async (scope: string): Promise<number> => {
      const started = performance.now()
      await post({ ...REQUEST, scope })
      return performance.now() - started
    }
    const [one, many]: [number[], number[]] = [[], []]
    for (let time = 0; time < 5; time++) {
      one.push(await timed('unknown'))
      many.push(await timed(Array.from({ length: 7000 }, (_, n) => (n % 36).toString(36)).join(' ')))
    }
    // Time that grew with their square would be seconds.
    t.ok(Math.min(...many) < 3 * Math.min(...one) + 50, `${Math.min(...many)} ms, and ${Math.min(...one)} ms for one`)
  })
})
