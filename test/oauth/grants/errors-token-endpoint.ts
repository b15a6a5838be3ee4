import { createHash } from 'node:crypto'
import t from 'tap'
import { digest } from '../../../src/lib/crypto/secrets.ts'
import { logHoldsNoSecret, type Refusal, refused } from '../../fixtures/answers/refusals.ts'
import { noteSecret } from '../../fixtures/answers/secrets.ts'
import {
  authorize,
  obtainCode,
  obtainTokens,
  PKCE,
  redeem,
  refresh,
  VERIFIER,
} from '../../fixtures/clients/code-flow.ts'
import { requestToken, userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic, type Fields, type HeaderFields, postRaw, send } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { SECRET } from '../../fixtures/instance/instance.ts'
import {
  enableApp,
  enableUser,
  HYBRID,
  HYBRID_REDIRECT,
  NOTE,
  OTHER,
  SPA,
  SPA_REDIRECT,
  SYNC,
  startWorld,
  WEB,
  WEB_REDIRECT,
  WEB_REDIRECT_WITH_QUERY,
} from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'

const { instance, anna, service } = await startWorld(t)
const tokenUrl = `${instance.issuer}/connect/token`
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const SERVICE = { grant_type: 'client_credentials' } as const
const WRONG = 'a-wrong-secret-0123456789abcdefghij'
const UNKNOWN_CLIENT: Refusal = {
  status: 401,
  error: 'invalid_client',
  description: 'the app is unknown, or its authentication is wrong or missing',
}
const because = (cause: string, more: Readonly<Record<string, string>> = {}): Refusal => ({
  ...UNKNOWN_CLIENT,
  cause: { cause, ...more },
})
const grantRefused = (description: string, cause: Refusal['cause'] = {}): Refusal => ({
  status: 400,
  error: 'invalid_grant',
  description,
  cause,
})
const malformed = (description: string, cause: Refusal['cause'] = {}): Refusal => ({
  status: 400,
  error: 'invalid_request',
  description,
  cause,
})
const CHANGED = 'the app or the user was changed or disabled after the refresh token was issued'
const REUSED = 'the refresh token has already been used; all tokens from the same sign-in are revoked'

/** A request as it is sent, and the refusal it gets. */
type Row = readonly [situation: string, fields: Fields, headers: HeaderFields, refusal: Refusal]

async function everyRowIsRefused(t: Parameters<typeof refused>[0], rows: readonly Row[]): Promise<void> {
  for (const [situation, fields, headers, refusal] of rows) {
    await t.test(situation, async (t) => refused(t, instance, await requestToken(instance, fields, headers), refusal))
  }
}

await instance.addApp({ applicationUri: 'my.trusted.app/off', systemUserAllowed: true, systemUser: service.id })
await enableApp(instance, 'my.trusted.app/off', false)
await instance.addApp({ applicationUri: 'my.trusted.app/expired', systemUserAllowed: true, systemUser: service.id })
await instance.core.store.write(async ({ apps }) => {
  await apps.expireSecrets('my.trusted.app/expired', instance.now())
})

await t.test(
  'unknown app, wrong or missing secret, disabled app, secret of a Public app: invalid_client',
  async (t) => {
    const post = (client_id: string, client_secret?: string): Fields => ({ ...SERVICE, client_id, client_secret })
    await everyRowIsRefused(t, [
      ['TE-14 unknown app, header', SERVICE, basic('nobody'), because('no app has this ApplicationUri')],
      ['TE-14 unknown app, body', post('nobody', SECRET), {}, because('no app has this ApplicationUri')],
      ['unknown app, no secret', post('nobody'), {}, because('no app has this ApplicationUri', { method: 'none' })],
      ['app written in other case', SERVICE, basic(SYNC.toUpperCase()), because('no app has this ApplicationUri')],
      ['wrong secret, header', SERVICE, basic(SYNC, WRONG), because('the secret is wrong')],
      ['wrong secret, body', post(SYNC, WRONG), {}, because('the secret is wrong')],
      ['secret of other case', SERVICE, basic(SYNC, SECRET.toUpperCase()), because('the secret is wrong')],
      ['stored hash sent as secret', SERVICE, basic(SYNC, digest(SECRET)), because('the secret is wrong')],
      [
        'expired secret',
        SERVICE,
        basic('my.trusted.app/expired'),
        because('the secret is a former one, which expired'),
      ],
      ['TE-12 missing secret', post(SYNC), {}, because('a Confidential app must send its secret')],
      ['TE-15 empty secret, header', SERVICE, basic(SYNC, ''), because('a Confidential app must send its secret')],
      ['TE-15 empty secret, body', post(SYNC, ''), {}, because('a Confidential app must send its secret')],
      ['disabled app, right secret', SERVICE, basic('my.trusted.app/off'), because('the app is disabled')],
      ['disabled app, wrong secret', SERVICE, basic('my.trusted.app/off', WRONG), because('the app is disabled')],
      ['Public app, secret in header', SERVICE, basic(SPA), because('a Public app has no secret, but one was sent')],
      ['Public app, secret in body', post(SPA, SECRET), {}, because('a Public app has no secret, but one was sent')],
    ])
  },
)

await t.test('credentials that cannot be read: invalid_client or invalid_request', async (t) => {
  const unreadable: Refusal = {
    status: 401,
    error: 'invalid_client',
    description: 'the Authorization header does not contain Basic credentials',
  }
  const raw = (text: string): HeaderFields => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
  const twice = malformed('client credentials were sent twice: use either the Authorization header or the body')
  await everyRowIsRefused(t, [
    ['nobody named', SERVICE, {}, { status: 401, error: 'invalid_client', description: 'client_id is missing' }],
    ['no base64', SERVICE, { authorization: 'Basic !!!' }, unreadable],
    ['nothing after the scheme', SERVICE, { authorization: 'Basic' }, unreadable],
    ['another scheme', SERVICE, { authorization: 'Bearer abc' }, unreadable],
    ['no colon', SERVICE, raw('my.trusted.app'), unreadable],
    ['no id', SERVICE, raw(`:${SECRET}`), unreadable],
    ['id that does not decode', SERVICE, raw(`%zz:${SECRET}`), unreadable],
    ['TE-08 two headers in one', SERVICE, { authorization: `${basic(SYNC).authorization}, Basic YTpi` }, unreadable],
    ['TE-08 header and body', { ...SERVICE, client_id: SYNC, client_secret: SECRET }, basic(SYNC), twice],
    ['TE-08 header, other secret in body', { ...SERVICE, client_secret: WRONG }, basic(SYNC), twice],
    [
      'client_id differs',
      { ...SERVICE, client_id: WEB },
      basic(SYNC),
      malformed('client_id differs between the Authorization header and the body'),
    ],
  ])

  await t.test('RFC 7521 §4.2 an assertion beside them, or alone, is refused rather than overlooked', async (t) => {
    const type = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' }
    const assertion = { client_assertion: 'eyJhbGciOiJub25lIn0.e30.' }
    const nobody = { ...UNKNOWN_CLIENT, cause: { rule: 'app-jwt-malformed' } }
    const inBody = { ...SERVICE, client_id: SYNC, client_secret: SECRET }
    await everyRowIsRefused(t, [
      ['beside Basic', { ...SERVICE, ...type, ...assertion }, basic(SYNC), twice],
      ['beside a wrong secret', { ...SERVICE, ...type, ...assertion }, basic(SYNC, WRONG), twice],
      ['beside the secret in the body', { ...inBody, ...type, ...assertion }, {}, twice],
      ['without its type', { ...inBody, ...assertion }, {}, twice],
      ['its type alone', { ...SERVICE, ...type }, basic(SYNC), twice],
      ['alone', { ...SERVICE, ...type, ...assertion }, {}, nobody],
      [
        'for a Public app',
        { ...SERVICE, client_id: SPA, ...type, ...assertion },
        {},
        because('a Public app proves nothing, but an assertion was sent'),
      ],
    ])
  })

  await t.test(
    'TE-08 an id in Basic that no app can have is not looked up, and leaves a short line in the log',
    async (t) => {
      for (const [id, refusal] of [
        ['n'.repeat(128), because('no app has this ApplicationUri')],
        ['n'.repeat(129), unreadable],
        ['%F0%9F%98%80'.repeat(65), unreadable],
        ['n'.repeat(10_000), unreadable],
      ] as const) {
        const before = instance.log.length
        refused(t, instance, await requestToken(instance, SERVICE, raw(`${id}:${SECRET}`)), refusal)
        const lines = instance.log.slice(before).map((line) => JSON.stringify(line).length)
        t.ok(lines.length > 0 && Math.max(...lines) < 1100, `${Math.max(...lines)} characters`)
      }
    },
  )

  await t.test('TE-08 Basic twice, in two headers', async (t) => {
    const twice = [basic(SYNC), basic(WEB)].map(({ authorization }) => ['authorization', authorization] as const)
    const form = ['content-type', 'application/x-www-form-urlencoded'] as const
    const response = await postRaw(tokenUrl, [form, ...twice], 'grant_type=client_credentials')
    refused(t, instance, response, malformed('the Authorization header was sent more than once'))
  })
})

await t.test('WWW-Authenticate is sent with a 401 where the header was used, and only there', async (t) => {
  const challenge = async (fields: Fields, headers: HeaderFields) =>
    (await requestToken(instance, fields, headers)).headers.get('www-authenticate')
  const why = /^Basic realm="tessera", error="invalid_client", error_description="[^"]+", error_uri="[^"]+"$/
  t.match(await challenge(SERVICE, basic(SYNC, WRONG)), why)
  t.match(await challenge(SERVICE, { authorization: 'Bearer abc' }), why)
  t.equal(await challenge({ ...SERVICE, client_id: SYNC, client_secret: WRONG }, {}), null)
  t.equal(await challenge(SERVICE, {}), null)
  t.equal(await challenge({ ...SERVICE, scope: 'openid' }, basic(SYNC)), null, 'other errors have none')
})

await t.test('TE-14 who is unknown, wrong or disabled cannot be told apart', async (t) => {
  const answers = []
  for (const headers of [basic('nobody'), basic(SYNC, WRONG), basic('my.trusted.app/off'), basic(SPA)]) {
    const response = await requestToken(instance, SERVICE, headers)
    const { refusal_id = '', ...body } = JSON.parse(response.text) as Record<string, string>
    t.ok(refusal_id)
    const seen = { body, status: response.status, headers: [...response.headers].filter(([name]) => name !== 'date') }
    answers.push(JSON.stringify(seen).replaceAll(refusal_id, 'REFUSAL'))
  }
  for (const answer of answers) t.strictSame(answer, answers[0])
})

await t.test('client credentials that work', async (t) => {
  await t.test('TE-11 id and secret are form-url-encoded in Basic', async (t) => {
    const applicationUri = 'my:app/%2B+%'
    const secret = ': % + é and 42 more characters of a long secret'
    const onItsOwn = { systemUserAllowed: true, systemUser: service.id, scope: ['read'] }
    await instance.addApp({ applicationUri, ...onItsOwn }, secret)
    t.equal(
      claimsOf(tokensOf(await requestToken(instance, SERVICE, basic(applicationUri, secret))).access_token)[
        'client_id'
      ],
      applicationUri,
    )
    const inBody = { ...SERVICE, client_id: applicationUri, client_secret: secret }
    t.equal(tokensOf(await requestToken(instance, inBody)).scope, 'read')
  })

  await t.test('scheme in any case, client_id repeated in the body, unknown parameters', async (t) => {
    const { authorization } = basic(SYNC)
    for (const scheme of ['Basic', 'basic', 'BASIC']) {
      const headers = { authorization: authorization.replace('Basic', scheme) }
      t.equal((await requestToken(instance, { ...SERVICE, client_id: SYNC }, headers)).status, 200)
    }
    const injected = { ...SERVICE, sub: anna.id, user_id: anna.id, client_session_host: 'evil.test', extra: 'foobar' }
    const { access_token: token } = tokensOf(await requestToken(instance, injected, basic(SYNC)))
    t.match(claimsOf(token), { sub: SYNC, client_system_user_id: service.id }, 'TE-29 nothing is injected')
  })

  await t.test('two secrets are valid while one takes over', async (t) => {
    const applicationUri = 'my.trusted.app/rotating'
    await instance.addApp({ applicationUri, systemUserAllowed: true, systemUser: service.id, scope: ['read'] })
    const next = 'the-next-secret-0123456789abcdefghijkl'
    const secret = { id: 'next', hash: digest(next), createdAt: instance.now(), expiresAt: undefined }
    await instance.core.store.write(async ({ apps }) => {
      await apps.expireSecrets(applicationUri, instance.now() + MINUTE)
      await apps.addSecret(applicationUri, secret)
    })
    const statusWith = async (value: string) =>
      (await requestToken(instance, SERVICE, basic(applicationUri, value))).status
    t.strictSame([await statusWith(SECRET), await statusWith(next)], [200, 200])
    instance.advance(MINUTE)
    t.strictSame([await statusWith(SECRET), await statusWith(next)], [401, 200])
  })
})

await t.test('app may not use this grant: unauthorized_client', async (t) => {
  const unauthorized = (description: string, expected: string): Refusal => ({
    status: 400,
    error: 'unauthorized_client',
    description,
    cause: { expected },
  })
  const disabled = await instance.addUser({ login: 'svc.disabled', type: 'SystemUserNoLogin' })
  await enableUser(instance, disabled, false)
  const addService = (applicationUri: string, systemUser: string | undefined) =>
    instance.addApp({ applicationUri, systemUserAllowed: true, systemUser, scope: ['read'] })
  await addService('svc/none', undefined)
  await addService('svc/disabled', disabled.id)
  const note = unauthorized(
    'the app is registered as a note only and cannot use any flow',
    'ClientType Confidential or Public',
  )
  const noPeople = unauthorized('the app may not sign people in', 'an app that people sign in to')
  const code = { grant_type: 'authorization_code', code: 'x', redirect_uri: WEB_REDIRECT }
  const refreshing = { grant_type: 'refresh_token', refresh_token: 'x' }
  await everyRowIsRefused(t, [
    [
      'SystemUserAllowed false',
      SERVICE,
      basic(WEB),
      unauthorized('the app may not act on its own', 'SystemUserAllowed true'),
    ],
    [
      'no System User',
      SERVICE,
      basic('svc/none'),
      unauthorized('the app has no System User', 'an existing SystemUser'),
    ],
    [
      'System User disabled',
      SERVICE,
      basic('svc/disabled'),
      unauthorized('the System User of the app is disabled', 'an enabled SystemUser'),
    ],
    [
      'Public app on its own',
      { ...SERVICE, client_id: SPA },
      {},
      unauthorized('only a Confidential app may act on its own', 'a Confidential app'),
    ],
    ['no impersonation flag, code', code, basic(SYNC), noPeople],
    ['no impersonation flag, refresh', refreshing, basic(SYNC), noPeople],
    ['ClientType None, service', { ...SERVICE, client_id: NOTE }, {}, note],
    ['ClientType None, code', { ...code, client_id: NOTE }, {}, note],
    ['ClientType None, refresh', refreshing, basic(NOTE), note],
  ])
})

await t.test('TE-19 grant type missing, unknown or not offered', async (t) => {
  const offered = 'authorization_code, refresh_token, client_credentials'
  const unsupported = (sent: string): Refusal => ({
    status: 400,
    error: 'unsupported_grant_type',
    description: `the grant type is not supported; supported: ${offered}`,
    cause: { sent, expected: offered.split(', ') },
  })
  const offer = [
    'password',
    'implicit',
    'CLIENT_CREDENTIALS',
    'client_credentials ',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'urn:ietf:params:oauth:grant-type:device_code',
    'urn:openid:params:grant-type:ciba',
    '__proto__',
    'constructor',
  ]
  await everyRowIsRefused(t, [
    ['missing', { scope: 'read' }, basic(SYNC), malformed('parameter is missing: grant_type')],
    ['empty', { grant_type: '' }, basic(SYNC), malformed('parameter is missing: grant_type')],
    ...offer.map((sent): Row => [sent, { grant_type: sent }, basic(SYNC), unsupported(sent)]),
    [
      'password, with a password',
      { grant_type: 'password', username: 'david', password: 'correct horse battery staple' },
      basic(SYNC),
      unsupported('password'),
    ],
    ['unknown, by an unknown app', { grant_type: 'password' }, basic('nobody'), UNKNOWN_CLIENT],
  ])
})

await t.test('TE-20 scope not in the record, scope of the protocol: invalid_scope, by name', async (t) => {
  const invalid = (description: string, cause: Refusal['cause'] = {}): Refusal => ({
    status: 400,
    error: 'invalid_scope',
    description,
    cause,
  })
  const notRegistered = (name: string, sent: string) =>
    invalid(`scope is not registered for the app: ${name}`, { sent, expected: 'read update' })
  const forPeople = (name: string) => invalid(`scope is for people who sign in, not for services: ${name}`)
  const notAList = invalid('scope is not a list of scope names separated by spaces')
  const ask = (scope: string, refusal: Refusal): Row => [
    JSON.stringify(scope).slice(0, 60),
    { ...SERVICE, scope },
    basic(SYNC),
    refusal,
  ]
  await everyRowIsRefused(t, [
    ask('delete', notRegistered('delete', 'delete')),
    ask('read delete update', notRegistered('delete', 'read delete update')),
    ask('READ', notRegistered('READ', 'READ')),
    ...['openid', 'profile', 'email', 'phone', 'address', 'offline_access'].map((name) => ask(name, forPeople(name))),
    ask('read offline_access', forPeople('offline_access')),
    ask('read\tupdate', notAList),
    ask('"read"', notAList),
    ask('re\\ad', notAList),
    ask('é', notAList),
    ask(Array.from({ length: 65 }, (_, n) => `s${n}`).join(' '), invalid('more than 64 scopes')),
    ask('s '.repeat(10_000 / 20), notRegistered('s', 's')),
    ask('s'.repeat(1025), invalid('parameter is too long: scope (at most 1024 characters)', { length: 1025 })),
    ask('read '.repeat(2000), invalid('parameter is too long: scope (at most 1024 characters)', { length: 10_000 })),
  ])
  const { refresh_token, id_token, scope } = tokensOf(await requestToken(instance, SERVICE, basic(SYNC)))
  t.strictSame({ refresh_token, id_token, scope }, { refresh_token: '', id_token: '', scope: 'read update' })
})

await t.test('code expired, used, for another app or redirect URI, PKCE mismatch: invalid_grant', async (t) => {
  const browser = createBrowser(instance.origin)
  const code = (parameters: Readonly<Record<string, string>> = {}) => obtainCode(instance, parameters, { browser })

  await t.test('CO-08 at its last second it works, at the next it has expired', async (t) => {
    const [first, second] = [await code(), await code()]
    instance.advance(59 * SECOND)
    t.equal((await redeem(instance, first)).status, 200)
    instance.advance(SECOND)
    const expiresAt = instance.now()
    refused(t, instance, await redeem(instance, second), grantRefused('the code has expired', { expiresAt }))
  })

  await t.test('CO-01 a used code is refused, and what it was exchanged for dies', async (t) => {
    const used = await code({ scope: 'openid offline_access' })
    const tokens = tokensOf(await redeem(instance, used))
    t.equal((await userinfo(instance, tokens.access_token)).status, 200)
    const reused = grantRefused('the code has already been used; the tokens it was exchanged for are revoked')
    refused(t, instance, await redeem(instance, used), reused)
    t.equal((await userinfo(instance, tokens.access_token)).status, 401)
    refused(t, instance, await refresh(instance, tokens.refresh_token), grantRefused('the refresh token was revoked'))
    instance.advance(30 * SECOND)
    refused(t, instance, await redeem(instance, used), reused)
    t.ok(
      instance.log.some((record) => (record['audit'] as { event?: string } | undefined)?.event === 'code_reuse'),
      'I7 audited',
    )
  })

  await t.test('another app may not use it, and does no harm', async (t) => {
    const mine = await code()
    const stranger = grantRefused('the code was issued to another app', { sent: OTHER, expected: WEB })
    refused(t, instance, await redeem(instance, mine, {}, basic(OTHER)), stranger)
    t.equal((await redeem(instance, mine)).status, 200, 'its own app still can')
    refused(t, instance, await redeem(instance, mine, {}, basic(OTHER)), stranger)
  })

  await t.test('AZ-28 another redirect URI', async (t) => {
    const differs = (sent: string) =>
      grantRefused('redirect_uri differs from the one in the authorization request', { sent, expected: WEB_REDIRECT })
    for (const sent of [
      WEB_REDIRECT_WITH_QUERY,
      'https://evil.test/',
      `${WEB_REDIRECT}/`,
      WEB_REDIRECT.toUpperCase(),
    ]) {
      refused(t, instance, await redeem(instance, await code(), { redirect_uri: sent }), differs(sent))
    }
    refused(
      t,
      instance,
      await redeem(instance, await code(), { redirect_uri: undefined }),
      grantRefused('redirect_uri is missing', { expected: WEB_REDIRECT }),
    )
  })

  await t.test('CO-04 to CO-07 PKCE', async (t) => {
    const mismatch = 'code_verifier does not match the code_challenge'
    const verifiers: [string, string | undefined, string][] = [
      ['wrong', VERIFIER.replace('a', 'b'), mismatch],
      ['the challenge itself', PKCE.code_challenge, mismatch],
      ['42 characters', 'x'.repeat(42), mismatch],
      ['129 characters', 'x'.repeat(129), mismatch],
      ['space added', `${VERIFIER} `, mismatch],
      ['emoji', `${VERIFIER}😀`, mismatch],
      ['missing', undefined, 'code_verifier is missing'],
      ['empty', '', 'code_verifier is missing'],
    ]
    for (const [name, code_verifier, description] of verifiers) {
      await t.test(name, async (t) => {
        const response = await redeem(instance, await code(PKCE), { code_verifier })
        refused(t, instance, response, grantRefused(description))
      })
    }
    for (const [name, verifier] of [
      ['42 characters', 'x'.repeat(42)],
      ['129 characters', 'x'.repeat(129)],
      ['a space', `${'x'.repeat(42)} `],
      ['a plus', `${'x'.repeat(42)}+`],
    ] as const)
      await t.test(`RFC 7636 §4.1: ${name}, with the challenge made of that very verifier`, async (t) => {
        const challenge = createHash('sha256').update(verifier).digest('base64url')
        const response = await redeem(instance, await code({ ...PKCE, code_challenge: challenge }), {
          code_verifier: verifier,
        })
        refused(t, instance, response, grantRefused(mismatch))
      })
    await t.test('RFC 7636 §4.1: 43 and 128 characters, of every sign there may be', async (t) => {
      for (const verifier of ['-._~'.padEnd(43, 'aZ09'), '-._~'.padEnd(128, 'aZ09')]) {
        const code_challenge = createHash('sha256').update(verifier).digest('base64url')
        const response = await redeem(instance, await code({ ...PKCE, code_challenge }), { code_verifier: verifier })
        t.equal(response.status, 200, `${verifier.length}`)
      }
    })
    await t.test('sent without a challenge', async (t) => {
      const response = await redeem(instance, await code(), { code_verifier: VERIFIER })
      const description = 'code_verifier was sent, but the authorization request had no code_challenge'
      refused(t, instance, response, grantRefused(description))
    })
    t.equal((await redeem(instance, await code(PKCE), { code_verifier: VERIFIER })).status, 200, 'the right one works')
  })

  await t.test('CO-09 changed codes are unknown', async (t) => {
    const right = await code()
    const changed = [
      right.slice(0, -1),
      `${right}A`,
      `${right}=`,
      `${right} `,
      right.toUpperCase(),
      `${right[0] === 'A' ? 'B' : 'A'}${right.slice(1)}`,
      Buffer.from(right, 'base64url').toString('base64'),
      'x',
    ].filter((value) => value !== right)
    for (const value of changed) {
      refused(t, instance, await redeem(instance, value), grantRefused('the code is unknown'))
    }
    const long = malformed('parameter is too long: code (at most 512 characters)', { parameter: 'code', length: 513 })
    refused(t, instance, await redeem(instance, 'x'.repeat(513)), long)
    refused(t, instance, await redeem(instance, ''), malformed('parameter is missing: code'))
    t.equal((await redeem(instance, right)).status, 200)
  })

  await t.test('CO-11 what was switched off between authorize and token', async (t) => {
    const changed = (cause: string) =>
      grantRefused('the app or the user was changed or disabled after the code was issued', { cause })
    const ofAnna = async () => obtainCode(instance, {}, { login: 'anna' })

    const beforeDisabled = await ofAnna()
    await enableUser(instance, anna, false)
    refused(t, instance, await redeem(instance, beforeDisabled), changed('the user is disabled'))
    await enableUser(instance, anna, true)
    const since = changed('the user was disabled or changed the password since then')
    refused(t, instance, await redeem(instance, beforeDisabled), since)

    const beforeApp = await ofAnna()
    await enableApp(instance, WEB, false)
    refused(t, instance, await redeem(instance, beforeApp), because('the app is disabled'))
    await enableApp(instance, WEB, true)
    refused(t, instance, await redeem(instance, beforeApp), changed('the app was disabled since then'))

    const annasBrowser = createBrowser(instance.origin)
    const tokens = await obtainTokens(instance, {}, { login: 'anna', browser: annasBrowser })
    const beforeLogout = await obtainCode(instance, {}, { login: 'anna', browser: annasBrowser })
    const hint = new URLSearchParams({ id_token_hint: tokens.id_token })
    await annasBrowser.open(`${instance.issuer}/connect/endsession?${hint}`)
    const signedOut = grantRefused('the person signed out after the code was issued')
    refused(t, instance, await redeem(instance, beforeLogout), signedOut)
  })
})

await t.test('refresh token expired, revoked, reused, app or user changed: invalid_grant', async (t) => {
  const browser = createBrowser(instance.origin)
  const unknown = grantRefused('the refresh token is unknown')

  await t.test('RT-12 unknown ones', async (t) => {
    const { refresh_token: right, access_token } = await obtainTokens(instance, {}, { browser })
    for (const value of ['x', right.slice(0, -1), `${right}A`, `${right} `, right.toUpperCase()]) {
      refused(t, instance, await refresh(instance, value), unknown)
    }
    refused(t, instance, await refresh(instance, access_token), unknown)
    const tooLong = malformed('parameter is too long: refresh_token (at most 8192 characters)')
    refused(t, instance, await refresh(instance, 'x'.repeat(8193)), tooLong)
    refused(t, instance, await refresh(instance, ''), malformed('parameter is missing: refresh_token'))
    t.equal((await refresh(instance, right)).status, 200)
  })

  await t.test('RT-07 absolute lifetime of a Confidential app, 30 days, however often it rotates', async (t) => {
    let token = (await obtainTokens(instance, {}, { browser })).refresh_token
    const end = instance.now() + 30 * DAY
    for (let day = 1; day < 30; day++) {
      instance.advance(DAY)
      token = tokensOf(await refresh(instance, token)).refresh_token
    }
    instance.advance(DAY - SECOND)
    token = tokensOf(await refresh(instance, token)).refresh_token
    instance.advance(SECOND)
    const expired = grantRefused('the refresh token has expired', { expiresAt: end })
    refused(t, instance, await refresh(instance, token), expired)
  })

  await t.test('RT-07 absolute lifetime of a Public app, 24 hours', async (t) => {
    const request = { client_id: SPA, redirect_uri: SPA_REDIRECT, scope: 'openid offline_access', ...PKCE }
    const code = await obtainCode(instance, request)
    const asSpa = { client_id: SPA, redirect_uri: SPA_REDIRECT, code_verifier: VERIFIER }
    let token = tokensOf(await redeem(instance, code, asSpa, {})).refresh_token
    instance.advance(23 * HOUR)
    token = tokensOf(await refresh(instance, token, { client_id: SPA }, {})).refresh_token
    instance.advance(HOUR)
    const expired = grantRefused('the refresh token has expired', { expiresAt: instance.now() })
    refused(t, instance, await refresh(instance, token, { client_id: SPA }, {}), expired)
  })

  await t.test('RT-01 a used one, after the replay window: the whole family dies, others live', async (t) => {
    const [first, other] = [await obtainTokens(instance), await obtainTokens(instance)]
    const second = tokensOf(await refresh(instance, first.refresh_token))
    instance.advance(10 * SECOND)
    refused(t, instance, await refresh(instance, first.refresh_token), grantRefused(REUSED))
    const revoked = grantRefused('the refresh token was revoked')
    refused(t, instance, await refresh(instance, second.refresh_token), revoked)
    refused(t, instance, await refresh(instance, first.refresh_token), revoked)
    t.equal((await refresh(instance, other.refresh_token)).status, 200)
    t.ok(
      instance.log.some((record) => (record['audit'] as { event?: string } | undefined)?.event === 'refresh_reuse'),
      'I7 audited',
    )
  })

  await t.test('RT-09 inside the window the same request gets the same answer, any other none', async (t) => {
    const { refresh_token: token } = await obtainTokens(instance)
    const answer = (await refresh(instance, token)).text
    instance.advance(9 * SECOND)
    t.equal((await refresh(instance, token)).text, answer)
    const different = grantRefused('the refresh token has already been used by a different request', { age: 9000 })
    refused(t, instance, await refresh(instance, token, { scope: 'openid' }), different)
    const otherwise = { client_id: WEB, client_secret: SECRET }
    refused(t, instance, await refresh(instance, token, otherwise, {}), different)
    const stranger = grantRefused('the refresh token was issued to another app', { sent: OTHER, expected: WEB })
    refused(t, instance, await refresh(instance, token, {}, basic(OTHER)), stranger)
    const successor = (JSON.parse(answer) as { refresh_token: string }).refresh_token
    noteSecret(successor)
    t.equal((await refresh(instance, successor)).status, 200, 'the family is untouched')
  })

  await t.test('another app, and a hybrid app for service scope', async (t) => {
    const { refresh_token: token } = await obtainTokens(instance)
    const stranger = grantRefused('the refresh token was issued to another app', { sent: OTHER, expected: WEB })
    refused(t, instance, await refresh(instance, token, {}, basic(OTHER)), stranger)
    t.equal((await refresh(instance, token)).status, 200, 'its own app still can')

    const request = { client_id: HYBRID, redirect_uri: HYBRID_REDIRECT, scope: 'openid offline_access read' }
    const code = await obtainCode(instance, request)
    const tokens = tokensOf(await redeem(instance, code, { redirect_uri: HYBRID_REDIRECT }, basic(HYBRID)))
    refused(t, instance, await refresh(instance, tokens.refresh_token, { scope: 'update' }, basic(HYBRID)), {
      status: 400,
      error: 'invalid_scope',
      description: 'scope was not granted at sign-in, or is no longer registered for the app: update',
    })
    t.match(claimsOf(tokens.access_token), { client_id: HYBRID, user_type: 'InternalUser' })
    t.notOk('client_system_user' in claimsOf(tokens.access_token))
    const ofService = tokensOf(await requestToken(instance, SERVICE, basic(HYBRID)))
    t.match(claimsOf(ofService.access_token), { sub: HYBRID, client_system_user: 'svc.sync' })
    for (const claim of ['sid', 'auth_time', 'user_type', 'id']) t.notOk(claim in claimsOf(ofService.access_token))
  })

  await t.test('RT-06 a wider scope is refused, a narrower one is not remembered', async (t) => {
    const { refresh_token: token } = await obtainTokens(instance, { scope: 'openid offline_access read' })
    refused(t, instance, await refresh(instance, token, { scope: 'openid read update' }), {
      status: 400,
      error: 'invalid_scope',
      description: 'scope was not granted at sign-in, or is no longer registered for the app: update',
      cause: { sent: 'openid read update', expected: 'openid offline_access read' },
    })
    const narrow = tokensOf(await refresh(instance, token, { scope: 'openid' }))
    t.equal(narrow.scope, 'openid')
    const full = tokensOf(await refresh(instance, narrow.refresh_token))
    t.equal(full.scope, 'openid offline_access read')
  })

  await t.test('RT-08 app disabled, and enabled again', async (t) => {
    const { refresh_token: token } = await obtainTokens(instance)
    await enableApp(instance, WEB, false)
    refused(t, instance, await refresh(instance, token), because('the app is disabled'))
    await enableApp(instance, WEB, true)
    refused(
      t,
      instance,
      await refresh(instance, token),
      grantRefused(CHANGED, { cause: 'the app was disabled since then' }),
    )
  })

  await t.test('RT-08 user disabled, and enabled again', async (t) => {
    const { refresh_token: token } = await obtainTokens(instance, {}, { login: 'anna' })
    await enableUser(instance, anna, false)
    refused(t, instance, await refresh(instance, token), grantRefused(CHANGED, { cause: 'the user is disabled' }))
    await enableUser(instance, anna, true)
    const since = 'the user was disabled or changed the password since then'
    refused(t, instance, await refresh(instance, token), grantRefused(CHANGED, { cause: since }))
  })

  await t.test('RT-08 password changed', async (t) => {
    const { refresh_token: token } = await obtainTokens(instance, {}, { login: 'anna' })
    const kept = await instance.core.store.read.users.findByIdentifier('anna')
    await instance.core.store.write(({ users }) => users.setPassword(anna.id, kept?.passwordHash ?? '', instance.now()))
    const since = 'the user was disabled or changed the password since then'
    refused(t, instance, await refresh(instance, token), grantRefused(CHANGED, { cause: since }))
  })

  await t.test('the app no longer admits the user', async (t) => {
    const { refresh_token: token } = await obtainTokens(instance)
    const app = await instance.core.store.read.apps.find(WEB)
    if (!app) throw new Error('no app')
    const change = (impersonateAsInternalUserAllowed: boolean) =>
      instance.core.store.write(({ apps }) =>
        apps.update({ ...app, impersonateAsInternalUserAllowed, impersonateAsCommunityUserAllowed: true }, 0),
      )
    await change(false)
    const cause = 'the app does not admit internal users'
    refused(t, instance, await refresh(instance, token), grantRefused(CHANGED, { cause }))
    await instance.core.store.write(({ apps }) => apps.update(app, 0))
    t.equal((await refresh(instance, token)).status, 200)
  })
})

await t.test('parameter missing, repeated or malformed, and other ways to ask', async (t) => {
  const code = { grant_type: 'authorization_code' }
  const pairs = (...more: [string, string][]): Fields => [['grant_type', 'client_credentials'], ...more]
  await everyRowIsRefused(t, [
    ['code missing', { ...code, redirect_uri: WEB_REDIRECT }, basic(WEB), malformed('parameter is missing: code')],
    [
      'repeated, different',
      pairs(['grant_type', 'password']),
      basic(SYNC),
      malformed('parameter is repeated: grant_type', { parameter: 'grant_type' }),
    ],
    [
      'repeated, the same',
      pairs(['scope', 'read'], ['scope', 'read']),
      basic(SYNC),
      malformed('parameter is repeated: scope'),
    ],
    [
      'repeated, not known',
      pairs(['extra', '1'], ['extra', '2']),
      basic(SYNC),
      malformed('parameter is repeated: extra'),
    ],
    [
      'TE-06 1,001 of them',
      pairs(...Array.from({ length: 1000 }, (_, n): [string, string] => [`${n}`, '1'])),
      basic(SYNC),
      malformed('more than 64 parameters'),
    ],
    [
      'client_id too long',
      { ...SERVICE, client_id: 'x'.repeat(129), client_secret: SECRET },
      {},
      malformed('parameter is too long: client_id (at most 128 characters)', { length: 129 }),
    ],
  ])

  await t.test('TE-02 secret, code or refresh token in the query', async (t) => {
    const inUrl = malformed('parameters belong in the body of the request, not in its URL')
    const canary = 'canary-in-the-query-0123456789'
    noteSecret(canary)
    for (const name of ['client_secret', 'code', 'refresh_token', 'grant_type']) {
      const response = await send(`${tokenUrl}?${name}=${canary}`, {
        method: 'POST',
        headers: { ...basic(SYNC), 'content-type': 'application/x-www-form-urlencoded' },
        body: 'grant_type=client_credentials',
      })
      refused(t, instance, response, inUrl)
    }
  })

  await t.test('TE-03 other kinds of body', async (t) => {
    const wrongKind: Refusal = {
      status: 415,
      error: 'invalid_request',
      description: 'the body must be application/x-www-form-urlencoded',
    }
    const multipart = new FormData()
    multipart.set('grant_type', 'client_credentials')
    const bodies: [NonNullable<RequestInit['body']>, HeaderFields][] = [
      ['{"grant_type":"client_credentials"}', { 'content-type': 'application/json' }],
      ['grant_type=client_credentials', { 'content-type': 'text/plain' }],
      ['grant_type=client_credentials', { 'content-type': 'nonsense' }],
      [multipart, {}],
      [Buffer.from('grant_type=client_credentials'), {}],
    ]
    for (const [body, headers] of bodies) {
      const response = await send(tokenUrl, { method: 'POST', headers: { ...basic(SYNC), ...headers }, body })
      refused(t, instance, response, wrongKind)
    }
    const nothing = await send(tokenUrl, { method: 'POST', headers: basic(SYNC) })
    refused(t, instance, nothing, malformed('parameter is missing: grant_type'))
  })

  await t.test('TE-05 a body over 16 KiB', async (t) => {
    const large: Refusal = {
      status: 413,
      error: 'invalid_request',
      description: 'the request is malformed or too large',
      cause: { fault: 'FST_ERR_CTP_BODY_TOO_LARGE' },
    }
    const response = await requestToken(instance, { ...SERVICE, extra: 'x'.repeat(64 * 1024) }, basic(SYNC))
    refused(t, instance, response, large)
  })

  await t.test('TE-01 other methods', async (t) => {
    const usePost: Refusal = { status: 405, error: 'invalid_request', description: 'use POST here' }
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const response = await send(tokenUrl, { method, headers: basic(SYNC) })
      t.equal(response.headers.get('allow'), 'POST', method)
      refused(t, instance, response, usePost)
    }
    const head = await send(tokenUrl, { method: 'HEAD' })
    t.strictSame([head.status, head.headers.get('allow')], [405, 'POST'])
  })

  await t.test('what works is not to be cached either', async (t) => {
    const response = await requestToken(instance, SERVICE, basic(SYNC))
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.match(response.headers.get('content-type'), /^application\/json\b/)
    t.match(response.json, { token_type: 'Bearer', expires_in: 3600, scope: 'read update' })
  })
})

await t.test('LG-31 the log holds none of all those secrets', async (t) => {
  await authorize(instance)
  logHoldsNoSecret(t, instance)
})
