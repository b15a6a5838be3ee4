import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto'
import { type CryptoKey, SignJWT } from 'jose'
import {
  allowInsecureRequests,
  ClientSecretJwt,
  clientCredentialsGrant,
  discovery,
  PrivateKeyJwt,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client'
import t from 'tap'
import { digest, newId } from '../../../src/lib/crypto/secrets.ts'
import {
  logHoldsNoSecret,
  type Refusal,
  refusalsOf,
  refused,
  tableHoldsNoSecret,
} from '../../fixtures/answers/refusals.ts'
import { noteSecret } from '../../fixtures/answers/secrets.ts'
import { documentOf, tesseraOn, words } from '../../fixtures/cli/cli.ts'
import {
  ASSERTION_TYPE,
  asserting,
  assertionClaims,
  jwksOf,
  macKey,
  makeKey,
  signAs,
  type TestKey,
} from '../../fixtures/clients/app-keys.ts'
import { requestToken } from '../../fixtures/clients/endpoints.ts'
import { type Answer, basic, type Fields, type HeaderFields, postForm } from '../../fixtures/clients/http.ts'
import { rawJwt } from '../../fixtures/clients/jwt.ts'
import { SECRET } from '../../fixtures/instance/instance.ts'
import { SPA, SYNC, startWorld } from '../../fixtures/instance/world.ts'
import { query } from '../../fixtures/store/database.ts'

type Row = Readonly<Record<string, unknown>>

const { instance, service } = await startWorld(t)
const tessera = tesseraOn(instance)
const tokenUrl = `${instance.issuer}/connect/token`
const SERVICE = { grant_type: 'client_credentials' } as const
const KEYED = 'my.trusted.app/keyed'
const STRICT = 'my.trusted.app/fapi'
const ONLY_PS = 'my.trusted.app/ps'
const MAC = 'my.trusted.app/mac'

const [rs, ps, es, ed, stranger] = await Promise.all([
  makeKey('RS256'),
  makeKey('PS256'),
  makeKey('ES256'),
  makeKey('EdDSA'),
  makeKey('RS256', 'RS256-1'),
])
const onItsOwn = { systemUserAllowed: true, systemUser: service.id, scope: ['read'] }
const keyed = { ...onItsOwn, tokenEndpointAuthMethod: 'private_key_jwt', jwks: jwksOf(rs, ps, es, ed) } as const
await instance.addApp({ applicationUri: KEYED, ...keyed })
await instance.addApp({ applicationUri: STRICT, ...keyed, clientAssertionAudience: 'issuer' })
await instance.addApp({ applicationUri: ONLY_PS, ...keyed, tokenEndpointAuthSigningAlg: 'PS256' })

const registered = await documentOf(
  tessera(
    words(
      `app register ${MAC} --service --system-user svc.sync --scope read --set TokenEndpointAuthMethod=client_secret_jwt --json`,
    ),
  ),
)
const macSecret = String(registered['client_secret'])
t.equal(registered['token_endpoint_auth_method'], 'client_secret_jwt')

const send = (assertion: string, fields: Fields = SERVICE, headers: HeaderFields = {}): Promise<Answer> =>
  requestToken(instance, { ...fields, ...asserting(assertion) } as Fields, headers)
const sound = (claims: Readonly<Record<string, unknown>> = {}, app = KEYED) => assertionClaims(instance, app, claims)
const INVALID = {
  status: 401,
  error: 'invalid_client',
  description: 'the app is unknown, or its authentication is wrong or missing',
}
const because = (rule: string, cause?: string | RegExp): Refusal => ({
  ...INVALID,
  cause: { rule, ...(cause === undefined ? {} : { cause }) },
})

await t.test('openid-client proves itself with either', async (t) => {
  // Libraries and commands go by the clock of the machine.
  instance.advance(Math.max(0, Date.now() - instance.now()))
  const options = { execute: [allowInsecureRequests] }
  for (const [app, authentication] of [
    [KEYED, PrivateKeyJwt({ key: es.privateKey as CryptoKey, kid: es.kid })],
    [STRICT, PrivateKeyJwt({ key: ps.privateKey as CryptoKey, kid: ps.kid })],
    [MAC, ClientSecretJwt(macSecret)],
  ] as const) {
    const config = await discovery(new URL(instance.issuer), app, undefined, authentication, options)
    const metadata = config.serverMetadata()
    for (const endpoint of ['token', 'revocation', 'introspection']) {
      t.strictSame(metadata[`${endpoint}_endpoint_auth_methods_supported`], [
        'client_secret_basic',
        'client_secret_post',
        'client_secret_jwt',
        'private_key_jwt',
        ...(endpoint === 'introspection' ? [] : ['none']),
      ])
      t.strictSame(metadata[`${endpoint}_endpoint_auth_signing_alg_values_supported`], [
        'RS256',
        'PS256',
        'ES256',
        'EdDSA',
        'HS256',
      ])
    }
    const tokens = await clientCredentialsGrant(config, { scope: 'read' })
    t.match(await tokenIntrospection(config, tokens.access_token), { active: true, client_id: app })
    await tokenRevocation(config, tokens.access_token)
    t.match(await tokenIntrospection(config, tokens.access_token), { active: false })
  }
})

await t.test('private_key_jwt with each algorithm, at every endpoint that authenticates apps', async (t) => {
  for (const key of [rs, ps, es, ed]) {
    const answer = await send(await signAs(key, sound()))
    t.equal(answer.status, 200, key.alg)
    t.match(answer.json, { token_type: 'Bearer', scope: 'read' })
  }
  t.equal((await send(await signAs(es, sound()), { ...SERVICE, client_id: KEYED })).status, 200, 'client_id beside it')
  t.equal((await send(await signAs(es, sound(), { kid: undefined }))).status, 200, 'no kid')
  for (const typ of [undefined, 'JWT', 'client-authentication+jwt'])
    t.equal((await send(await signAs(es, sound(), { typ }))).status, 200, `typ ${typ}`)
  const paths = ['introspect', 'revocation', 'session/touches']
  for (const path of paths) {
    const url = `${instance.issuer}/connect/${path}`
    for (const aud of [instance.issuer, tokenUrl, url]) {
      const assertion = await signAs(es, sound({ aud }))
      const answer = await postForm(url, { token: 'x', touches: `${newId()}:1`, ...asserting(assertion) })
      t.equal(answer.status, 200, `${path} ${aud}`)
    }
    refused(
      t,
      instance,
      await postForm(url, { token: 'x', ...asserting('e30.e30.e30'), client_id: KEYED }),
      because('app-jwt-algorithm'),
    )
  }
})

await t.test(
  'TE-17 an assertion that does not count: one answer for the client, the cause for the operator',
  async (t) => {
    const now = Math.floor(instance.now() / 1000)
    const publicPem = createPublicKey({ key: rs.jwk as JsonWebKey, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    })
    const hmac = (key: string | Buffer): string => {
      const head = rawJwt({ alg: 'HS256', kid: rs.kid }, sound()).slice(0, -1)
      return `${head}.${createHmac('sha256', key).update(head).digest('base64url')}`
    }
    const changed = async (change: (parts: string[]) => string[]): Promise<string> =>
      change((await signAs(rs, sound())).split('.')).join('.')
    const rows: readonly (readonly [string, string | Promise<string>, Refusal])[] = [
      [
        'alg none',
        rawJwt({ alg: 'none' }, sound()),
        because('app-jwt-algorithm', 'alg is none; this app may use RS256, PS256, ES256, EdDSA'),
      ],
      ['alg nOnE', rawJwt({ alg: 'nOnE' }, sound()), because('app-jwt-algorithm')],
      ['alg missing', rawJwt({}, sound()), because('app-jwt-algorithm')],
      ['JW-02 HS256 with the public key as PEM', hmac(String(publicPem)), because('auth-method-unregistered')],
      ['JW-02 HS256 with the public key as JWK', hmac(JSON.stringify(rs.jwk)), because('auth-method-unregistered')],
      ['JW-02 HS256 with nothing', hmac(''), because('auth-method-unregistered')],
      [
        'RS512',
        new SignJWT(sound()).setProtectedHeader({ alg: 'PS256', kid: rs.kid }).sign(ps.privateKey),
        because('app-key-unknown'),
      ],
      [
        'aud of another server',
        signAs(rs, sound({ aud: 'https://other.example.com' })),
        because('assertion-for-another-audience'),
      ],
      [
        'aud of another endpoint',
        signAs(rs, sound({ aud: `${instance.issuer}/connect/introspect` })),
        because('assertion-for-another-audience'),
      ],
      [
        'aud with another server beside',
        signAs(rs, sound({ aud: [instance.issuer, 'https://other.example.com'] })),
        because('assertion-for-another-audience'),
      ],
      ['aud empty', signAs(rs, sound({ aud: [] })), because('assertion-for-another-audience')],
      ['aud missing', signAs(rs, sound({ aud: undefined })), because('assertion-for-another-audience')],
      [
        'aud with a slash at the end',
        signAs(rs, sound({ aud: `${instance.issuer}/` })),
        because('assertion-for-another-audience'),
      ],
      [
        'no exp',
        signAs(rs, sound({ exp: undefined })),
        because('assertion-expired', 'exp is missing, or is not a number of seconds'),
      ],
      [
        'JW-06 exp as text',
        signAs(rs, sound({ exp: `${now + 60}` as unknown as number })),
        because('assertion-expired'),
      ],
      ['JW-06 exp negative', rawJwt({ alg: 'RS256' }, sound({ exp: -1 }), 'AAAA'), because('assertion-expired')],
      ['JW-06 exp null', rawJwt({ alg: 'RS256' }, sound({ exp: null }), 'AAAA'), because('assertion-expired')],
      [
        'JW-06 exp without end',
        rawJwt({ alg: 'RS256' }, JSON.stringify(sound()).replace(/"exp":\d+/, '"exp":1e400'), 'AAAA'),
        because('assertion-expired'),
      ],
      ['expired', signAs(rs, sound({ exp: now - 10 })), because('assertion-expired', /^the assertion has expired at /)],
      [
        'exp far ahead',
        signAs(rs, sound({ exp: now + 301 })),
        because('assertion-lives-too-long', 'exp is more than 5 minutes ahead'),
      ],
      ['exp in the year 300000', signAs(rs, sound({ exp: 9e12 })), because('assertion-lives-too-long')],
      [
        'iat in the future',
        signAs(rs, sound({ iat: now + 61 })),
        because('assertion-not-yet-valid', 'iat is more than 30 s in the future'),
      ],
      [
        'nbf in the future',
        signAs(rs, sound({ nbf: now + 61 })),
        because('assertion-not-yet-valid', 'nbf is more than 30 s in the future'),
      ],
      ['JW-06 nbf as text', signAs(rs, sound({ nbf: 'now' as unknown as number })), because('assertion-not-yet-valid')],
      ['iss of another app', signAs(rs, sound({ iss: SYNC })), because('assertion-of-another-app')],
      ['no iss', signAs(rs, sound({ iss: undefined })), because('assertion-of-another-app')],
      ['no jti', signAs(rs, sound({ jti: undefined })), because('assertion-without-id')],
      ['jti a number', signAs(rs, sound({ jti: 7 as unknown as string })), because('assertion-without-id')],
      ['jti empty', signAs(rs, sound({ jti: '' })), because('assertion-without-id')],
      [
        'JW-05 crit',
        rawJwt({ alg: 'RS256', kid: rs.kid, crit: ['exp'], exp: 1 }, sound(), 'AAAA'),
        because('app-jwt-header-unsupported'),
      ],
      [
        'JW-05 b64',
        rawJwt({ alg: 'RS256', kid: rs.kid, crit: ['b64'], b64: false }, sound(), 'AAAA'),
        because('app-jwt-header-unsupported'),
      ],
      ['JW-08 an access token', signAs(rs, sound(), { typ: 'at+jwt' }), because('app-jwt-header-unsupported')],
      ['JW-08 a logout token', signAs(rs, sound(), { typ: 'logout+jwt' }), because('app-jwt-header-unsupported')],
      [
        'JW-04 a stranger, with the key in the header',
        signAs(stranger, sound(), { jwk: stranger.jwk }),
        because('app-signature-wrong'),
      ],
      [
        'JW-04 a stranger, with jku',
        signAs(stranger, sound(), { jku: 'https://other.example.com/jwks' }),
        because('app-signature-wrong'),
      ],
      [
        'JW-04 a stranger, with x5u',
        signAs(stranger, sound(), { x5u: 'https://other.example.com/x5u' }),
        because('app-signature-wrong'),
      ],
      ['unknown kid', signAs(rs, sound(), { kid: 'nowhere' }), because('app-key-unknown')],
      ['JW-14 an RSA header over an EC key', signAs(rs, sound(), { kid: es.kid }), because('app-key-unknown')],
      [
        'the signature cut',
        changed(([head, claims, signature]) => [head ?? '', claims ?? '', signature?.slice(0, -6) ?? '']),
        because('app-signature-wrong'),
      ],
      [
        'the claims changed',
        changed(([head, , signature]) => [
          ...rawJwt('', sound())
            .split('.')
            .with(0, head ?? '')
            .slice(0, 2),
          signature ?? '',
        ]),
        because('app-signature-wrong'),
      ],
      [
        'JW-12 padding',
        changed(([head, claims, signature]) => [head ?? '', `${claims}=`, signature ?? '']),
        because('app-jwt-malformed'),
      ],
      ['JW-12 a member twice', rawJwt('{"alg":"none","alg":"RS256"}', sound(), 'AAAA'), because('app-jwt-malformed')],
      [
        'JW-12 a claim twice',
        rawJwt({ alg: 'RS256' }, JSON.stringify(sound()).replace('{', `{"iss":"${SYNC}",`), 'AAAA'),
        because('app-jwt-malformed'),
      ],
      [
        'JW-12 a byte order mark',
        rawJwt({ alg: 'RS256' }, `\uFEFF${JSON.stringify(sound())}`, 'AAAA'),
        because('app-jwt-malformed'),
      ],
      ['JW-11 dots', '.'.repeat(40_000), because('app-jwt-malformed')],
      ['too long', signAs(rs, sound({ more: 'x'.repeat(40_000) })), because('app-jwt-malformed')],
      ['an encrypted one', 'e30.e30.e30.e30.e30', because('app-jwt-malformed')],
    ]
    for (const [situation, assertion, refusal] of rows)
      await t.test(situation, async (t) => {
        const jwt = await assertion
        refused(t, instance, await send(jwt, { ...SERVICE, client_id: KEYED }), refusal)
      })
    refused(t, instance, await send(await signAs(rs, sound({ sub: SYNC }))), because('auth-method-unregistered'))
    refused(t, instance, await send(await signAs(rs, sound({ sub: 'nobody', iss: 'nobody' }))), because('app-unknown'))
    refused(t, instance, await send('e30.e30.e30'), because('app-jwt-malformed'))
    refused(
      t,
      instance,
      await send(await signAs(rs, sound()), { ...SERVICE, client_id: STRICT }),
      because('assertion-of-another-app'),
    )
    const typeless = { ...SERVICE, client_assertion: await signAs(rs, sound()), client_assertion_type: 'jwt-bearer' }
    refused(t, instance, await requestToken(instance, typeless), because('assertion-type-wrong'))
    refused(
      t,
      instance,
      await requestToken(instance, { ...SERVICE, client_id: KEYED, client_assertion_type: ASSERTION_TYPE }),
      because('assertion-missing'),
    )
    refused(t, instance, await requestToken(instance, { ...SERVICE, client_id: KEYED }), because('assertion-missing'))
    const large = await send('x'.repeat(64 * 1024))
    t.equal(large.status, 413)
  },
)

await t.test('clocks that differ: 10 s are accepted', async (t) => {
  const now = Math.floor(instance.now() / 1000)
  for (const claims of [
    { iat: now + 10, nbf: now + 10, exp: now + 310 },
    { exp: now - 9 },
    { exp: now + 300 },
    { iat: now - 3600, exp: now + 5 },
  ])
    t.equal((await send(await signAs(es, sound(claims)))).status, 200, JSON.stringify(claims))
})

await t.test(
  'TE-18 each assertion counts once: one after another, at the same time, after a restart, for all time it would count',
  async (t) => {
    const used = because('assertion-used', 'an assertion with this jti has already been used')
    const jti = newId()
    t.equal((await send(await signAs(es, sound({ jti })))).status, 200)
    const [kept] = await query<{ expires_at: number }>(
      instance,
      'select expires_at from client_assertions where jti_digest = ?',
      digest(JSON.stringify([KEYED, jti])),
    )
    t.equal(kept?.expires_at, (Number(sound().exp) + 10) * 1000, 'kept past exp, for as long as clocks may differ')
    refused(
      t,
      instance,
      await send(await signAs(es, sound({ jti, exp: Math.floor(instance.now() / 1000) + 299 }))),
      used,
    )
    t.equal(
      (await send(await signAs(es, assertionClaims(instance, STRICT, { jti })))).status,
      200,
      'another app may use the same jti',
    )
    const one = await signAs(es, sound())
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(one)))
    t.strictSame(answers.map(({ status }) => status).sort(), [200, ...Array.from({ length: 19 }, () => 401)])
    instance.advance(69_000)
    refused(t, instance, await send(one), used)
    instance.advance(1000)
    refused(t, instance, await send(one), because('assertion-expired'))
    const failing = await signAs(es, sound())
    t.equal((await send(failing, { grant_type: 'client_credentials', scope: 'nothing' })).status, 400)
    refused(t, instance, await send(failing), used)
    t.equal(
      (await query<Row>(instance, 'select * from client_assertions')).some((row) => JSON.stringify(row).includes(jti)),
      false,
    )
  },
)

await t.test('FAPI 2: an app whose audience is the issuer accepts nothing else', async (t) => {
  const strict = async (aud: unknown) =>
    send(await signAs(ps, assertionClaims(instance, STRICT, { aud: aud as string })))
  t.equal((await strict(instance.issuer)).status, 200)
  for (const aud of [tokenUrl, [instance.issuer], [tokenUrl]])
    refused(t, instance, await strict(aud), because('assertion-for-another-audience'))
  for (const aud of [tokenUrl, [instance.issuer], [instance.issuer, tokenUrl]])
    t.equal((await send(await signAs(ps, sound({ aud: aud as string })))).status, 200, 'elsewhere they are usual')
})

await t.test('TokenEndpointAuthSigningAlg: nothing but the registered algorithm', async (t) => {
  const ask = async (key: TestKey) => send(await signAs(key, assertionClaims(instance, ONLY_PS)))
  t.equal((await ask(ps)).status, 200)
  for (const key of [rs, es, ed]) refused(t, instance, await ask(key), because('app-jwt-algorithm'))
})

await t.test('TE-13 TokenEndpointAuthMethod: the registered way and no other', async (t) => {
  const post = (client_id: string, client_secret = SECRET): Fields => ({ ...SERVICE, client_id, client_secret })
  const unregistered = because('auth-method-unregistered')
  refused(t, instance, await requestToken(instance, SERVICE, basic(KEYED)), unregistered)
  refused(t, instance, await requestToken(instance, post(KEYED)), unregistered)
  refused(t, instance, await requestToken(instance, SERVICE, basic(MAC, macSecret)), unregistered)
  refused(t, instance, await send(await signAs(rs, assertionClaims(instance, SYNC))), unregistered)
  refused(t, instance, await send(await signAs(rs, assertionClaims(instance, MAC))), unregistered)
  refused(t, instance, await send(await signAs(macKey(SECRET), assertionClaims(instance, SYNC))), unregistered)
  refused(
    t,
    instance,
    await send(await signAs(rs, assertionClaims(instance, SPA))),
    because('secret-sent-by-public-app'),
  )
  for (const [method, header, body] of [
    ['client_secret', 200, 200],
    ['client_secret_basic', 200, 401],
    ['client_secret_post', 401, 200],
  ] as const) {
    const app = `my.trusted.app/${method}`
    await instance.addApp({ applicationUri: app, ...onItsOwn, tokenEndpointAuthMethod: method })
    t.equal((await requestToken(instance, SERVICE, basic(app))).status, header, `${method} by header`)
    t.equal((await requestToken(instance, post(app))).status, body, `${method} by body`)
  }
})

await t.test('TE-08 two kinds of authentication at once: invalid_request', async (t) => {
  const twice = {
    status: 400,
    error: 'invalid_request',
    description: 'client credentials were sent twice: use either the Authorization header or the body',
  }
  refused(t, instance, await send(await signAs(rs, sound()), SERVICE, basic(KEYED)), twice)
  refused(t, instance, await send(await signAs(rs, sound()), { ...SERVICE, client_secret: SECRET }), twice)
})

await t.test('client_secret_jwt: the secret signs, and is kept sealed for that', async (t) => {
  const ask = async (secret: string, claims = {}) =>
    send(await signAs(macKey(secret), assertionClaims(instance, MAC, claims)))
  t.equal((await ask(macSecret)).status, 200)
  refused(t, instance, await ask(SECRET), because('app-signature-wrong'))
  refused(
    t,
    instance,
    await send(rawJwt({ alg: 'none' }, sound({}, MAC)), { ...SERVICE, client_id: MAC }),
    because('auth-method-unregistered'),
  )
  refused(t, instance, await send(rawJwt({ alg: 'HS512' }, sound({}, MAC), 'AAAA')), because('app-jwt-algorithm'))
  const rotated = String(
    (await documentOf(tessera(words(`app rotate-secret ${MAC} --overlap 1h --json`))))['client_secret'],
  )
  for (const secret of [macSecret, rotated]) t.equal((await ask(secret)).status, 200, 'both while they overlap')
  instance.advance(2 * 3_600_000)
  refused(t, instance, await ask(macSecret), because('app-signature-wrong'))
  t.equal((await ask(rotated)).status, 200)
  const sealed = async (app: string) =>
    (await query<Row>(instance, 'select * from app_secrets')).filter(
      (row) => row['application_uri'] === app && row['sealed_secret'] !== null,
    )
  t.ok((await sealed(MAC)).length > 0)
  t.notMatch(JSON.stringify(await query<Row>(instance, 'select * from app_secrets')), rotated)
  t.equal((await sealed(SYNC)).length, 0, 'of other apps a hash is all there is')

  await t.test('an app that switches to it rotates its secret', async (t) => {
    const update = (method: string) => tessera(['app', 'update', SYNC, '--set', `TokenEndpointAuthMethod=${method}`])
    const told = await update('client_secret_jwt')
    t.equal(told.code, 0)
    t.match(
      told.stderr,
      `needs the secret itself to verify a MAC; create a new one with: tessera app rotate-secret ${SYNC} --overlap 7d`,
    )
    const asSync = async (secret: string) => send(await signAs(macKey(secret), assertionClaims(instance, SYNC)))
    refused(t, instance, await asSync(SECRET), because('app-secret-not-kept'))
    const secret = String(
      (await documentOf(tessera(words(`app rotate-secret ${SYNC} --overlap 7d --json`))))['client_secret'],
    )
    t.equal((await asSync(secret)).status, 200)
    t.equal((await sealed(SYNC)).length, 1)
    t.equal((await update('client_secret')).code, 0)
    t.equal((await sealed(SYNC)).length, 0, 'switched back, nothing is kept')
    noteSecret(secret)
    t.equal((await requestToken(instance, SERVICE, basic(SYNC, secret))).status, 200)
  })
})

await t.test(
  'RFC 7521 §4.2: a refusal without client_id is filed under the app that the assertion names',
  async (t) => {
    const filed = async (answer: Promise<Answer>) => {
      const { status } = await answer
      const { app, cause } = refusalsOf(instance).at(-1) ?? {}
      return { status, app, rule: (cause as { rule?: string } | undefined)?.rule }
    }
    const asKeyed = async (claims: Row = {}, key: TestKey = rs) => signAs(key, sound(claims))
    t.strictSame(await filed(send(await asKeyed(), { grant_type: 'refresh_token', refresh_token: 'unknown' })), {
      status: 400,
      app: KEYED,
      rule: 'sign-in-not-allowed',
    })
    t.strictSame(await filed(send(await asKeyed(), { ...SERVICE, scope: 'nothing' })), {
      status: 400,
      app: KEYED,
      rule: 'scope-unregistered',
    })
    // What nobody proved is what it claims to be, as with a wrong secret.
    const [bySomebody, ofNobody, untyped] = [
      await asKeyed({}, stranger),
      await asKeyed({ sub: undefined }),
      await asKeyed(),
    ]
    for (const [ask, rule] of [
      [() => send(bySomebody), 'app-signature-wrong'],
      [() => send(ofNobody), 'app-jwt-malformed'],
      [() => requestToken(instance, { ...SERVICE, client_assertion: untyped }, {}), 'assertion-type-wrong'],
    ] as const)
      t.strictSame(await filed(ask()), { status: 401, app: KEYED, rule })

    const { stdout } = await tessera(['refusal', 'list', '--app', KEYED, '--json'])
    for (const { id } of JSON.parse(stdout) as { id: string }[]) {
      const shown = await tessera(['refusal', 'show', id])
      t.equal(shown.code, 0, shown.stderr)
      t.notMatch(shown.stdout, /^(fix|or) .*secret/m, 'an app that proves itself by keys is told of keys')
    }
  },
)

await t.test('after a restart a used assertion is still used', async (t) => {
  const one = await signAs(es, sound())
  t.equal((await send(one)).status, 200)
  const again = await instance.restart()
  t.teardown(() => again.close())
  refused(t, again, await requestToken(again, { ...SERVICE, ...asserting(one) }), because('assertion-used'))
  logHoldsNoSecret(t, instance)
  await tableHoldsNoSecret(t, again)
})
