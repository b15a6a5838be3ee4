import { createHash } from 'node:crypto'
import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import {
  answerOf,
  authorize,
  obtainCode,
  obtainTokens,
  PKCE,
  postedFields,
  redeem,
  VERIFIER,
} from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, requestToken, userinfo } from '../fixtures/clients/endpoints.ts'
import { type Answer, basic, type HeaderFields, postForm, send } from '../fixtures/clients/http.ts'
import { claimsOf } from '../fixtures/clients/jwt.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { SECRET } from '../fixtures/instance/instance.ts'
import {
  HYBRID,
  HYBRID_REDIRECT,
  SPA,
  SPA_REDIRECT,
  SYNC,
  startWorld,
  WEB,
  WEB_REDIRECT,
} from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { WHOLE_PROFILE } from '../fixtures/sign-in/person.ts'

const { instance, david } = await startWorld(t)
const { issuer, origin } = instance
const OIDC = `${issuer}/.well-known/openid-configuration`
const OAUTH = `${origin}/.well-known/oauth-authorization-server/id`
const JWKS = `${OIDC}/jwks`

const get = async (url: string): Promise<Record<string, unknown>> => (await send(url)).json as Record<string, unknown>
const metadata = await get(OIDC)
const listed = (member: string): string[] => metadata[member] as string[]

await t.test('OIDC Discovery §3: the document, member by member', (t) => {
  t.strictSame(metadata, {
    issuer,
    authorization_endpoint: `${issuer}/connect/authorize`,
    token_endpoint: `${issuer}/connect/token`,
    userinfo_endpoint: `${issuer}/connect/userinfo`,
    jwks_uri: JWKS,
    revocation_endpoint: `${issuer}/connect/revocation`,
    introspection_endpoint: `${issuer}/connect/introspect`,
    end_session_endpoint: `${issuer}/connect/endsession`,
    check_session_iframe: `${issuer}/connect/checksession`,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
    scopes_supported: ['openid', 'profile', 'email', 'phone', 'address', 'offline_access', 'read', 'update'],
    response_types_supported: ['code', 'code id_token'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    subject_types_supported: ['public', 'pairwise'],
    id_token_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    userinfo_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    token_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'none',
    ],
    token_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'],
    revocation_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'none',
    ],
    revocation_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'],
    introspection_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
    ],
    introspection_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'],
    introspection_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    code_challenge_methods_supported: ['S256'],
    prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
    acr_values_supported: ['urn:tessera:pwd', 'urn:tessera:mfa'],
    claims_supported: [
      ...['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'acr', 'amr', 'sid', 'idp'],
      ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture'],
      ...['website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'],
      ...['email', 'email_verified', 'phone_number', 'phone_number_verified', 'address'],
    ],
    claims_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    authorization_response_iss_parameter_supported: true,
    ui_locales_supported: ['en', 'de', 'bg'],
  })
  t.end()
})

await t.test('RFC 8414 §3.1: the same document at the root of the host, and nowhere else', async (t) => {
  const texts = await Promise.all([OIDC, OAUTH].map(async (url) => (await send(url)).text))
  t.equal(texts[0], texts[1])
  for (const path of [
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
    '/id/.well-known/oauth-authorization-server',
    '/.well-known/oauth-authorization-server/id/',
    '/.well-known/oauth-authorization-server/ID',
  ]) {
    t.equal((await send(`${origin}${path}`)).status, 404, path)
  }
})

await t.test('LG-22: it names the configured issuer, whatever the request says', async (t) => {
  const headers = { 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'https', forwarded: 'host=evil.test' }
  t.strictSame((await send(OIDC, { headers })).json, metadata)
  const injected = await instance.server.inject({
    url: '/id/.well-known/openid-configuration',
    headers: { host: 'evil.test' },
  })
  t.equal(injected.statusCode, 421, 'another host is none of ours')
})

await t.test('what it says is what the server does', async (t) => {
  const request = { client_id: WEB, redirect_uri: WEB_REDIRECT, state: 's' }
  const ask = async (parameters: Readonly<Record<string, string>>): Promise<string> => {
    const view = await createBrowser(origin).open(authorizeUrl(instance, { ...request, ...parameters }))
    return view.leftTo ? (answerOf(view).get('error') ?? 'answered') : `page ${view.status}`
  }

  await t.test('every endpoint answers, and not with 404', async (t) => {
    const endpoints = Object.keys(metadata).filter((name) => /_endpoint$|^jwks_uri$/.test(name))
    t.equal(endpoints.length, 7)
    for (const name of endpoints) {
      const url = metadata[name] as string
      t.ok(url.startsWith(`${issuer}/`), `${name} is absolute`)
      t.not((await send(url, { redirect: 'manual' })).status, 404, name)
    }
  })

  await t.test('scopes_supported', async (t) => {
    const scope = listed('scopes_supported').join(' ')
    t.equal((await obtainTokens(instance, { scope })).scope, scope)
    t.equal(await ask({ scope: 'admin' }), 'invalid_scope')
  })

  await t.test('response_types_supported, response_modes_supported', async (t) => {
    const hybrid = { client_id: HYBRID, redirect_uri: HYBRID_REDIRECT, nonce: 'n' }
    for (const response_type of listed('response_types_supported')) {
      const view = await authorize(instance, { ...hybrid, response_type })
      const names = [...answerOf(view).keys()].filter((name) => name !== 'iss' && name !== 'session_state')
      t.strictSame(names, response_type === 'code' ? ['code'] : ['code', 'id_token'], response_type)
    }
    for (const response_mode of listed('response_modes_supported')) {
      const view = await authorize(instance, { response_mode })
      const { query, fragment } = { query: view.leftTo?.search, fragment: view.leftTo?.hash }
      const found = { query, fragment, form_post: `?${new URLSearchParams(postedFields(view))}` }[response_mode]
      t.match(found, /^[?#]code=/, response_mode)
    }
    for (const response_type of ['token', 'id_token', 'id_token token', 'code token', 'none'])
      t.equal(await ask({ response_type }), 'unsupported_response_type', response_type)
    t.equal(await ask({ response_mode: 'web_message' }), 'invalid_request')
  })

  await t.test('grant_types_supported', async (t) => {
    const errorOf = async (grant_type: string) =>
      ((await requestToken(instance, { grant_type }, basic(HYBRID))).json as { error?: string }).error
    for (const grant of listed('grant_types_supported')) t.not(await errorOf(grant), 'unsupported_grant_type', grant)
    for (const grant of ['password', 'implicit', 'urn:ietf:params:oauth:grant-type:device_code'])
      t.equal(await errorOf(grant), 'unsupported_grant_type', grant)
  })

  await t.test('*_auth_methods_supported', async (t) => {
    const methods = (token: string): Readonly<Record<string, () => Promise<Answer>[]>> => {
      const at = (endpoint: string, fields: Readonly<Record<string, string>>, headers?: HeaderFields) =>
        postForm(`${issuer}/connect/${endpoint}`, { token, ...fields }, headers)
      const of = (fields: Readonly<Record<string, string>>, headers?: HeaderFields) => [
        at('token', { grant_type: 'client_credentials', ...fields }, headers),
        at('revocation', fields, headers),
        at('introspect', fields, headers),
      ]
      return {
        client_secret_basic: () => of({}, basic(SYNC)),
        client_secret_post: () => of({ client_id: SYNC, client_secret: SECRET }),
        none: () => of({ client_id: SPA }),
      }
    }
    const names = ['token', 'revocation', 'introspection'].map((name) => `${name}_endpoint_auth_methods_supported`)
    for (const [method, send] of Object.entries(methods('unknown'))) {
      const statuses = (await Promise.all(send())).map(({ status }) => status !== 401)
      t.strictSame(
        statuses,
        names.map((name) => listed(name).includes(method)),
        method,
      )
    }
    const pkce = { client_id: SPA, redirect_uri: SPA_REDIRECT }
    const code = await obtainCode(instance, { ...pkce, ...PKCE })
    t.equal((await redeem(instance, code, { ...pkce, code_verifier: VERIFIER }, {})).status, 200, 'none')
  })

  await t.test('code_challenge_methods_supported', async (t) => {
    t.equal(await ask({ ...PKCE, prompt: 'none' }), 'login_required', 'S256 passes')
    t.equal(await ask({ code_challenge: VERIFIER, code_challenge_method: 'plain' }), 'invalid_request')
  })

  await t.test('prompt_values_supported, ui_locales_supported', async (t) => {
    for (const prompt of listed('prompt_values_supported')) t.not(await ask({ prompt }), 'invalid_request', prompt)
    t.equal(await ask({ prompt: 'create' }), 'invalid_request')
    for (const ui_locales of listed('ui_locales_supported')) {
      const view = await createBrowser(origin).open(authorizeUrl(instance, { ...request, ui_locales }))
      t.equal(view.page.querySelector('html')?.getAttribute('lang'), ui_locales)
    }
  })

  await t.test('claims_supported, acr_values_supported, id_token_signing_alg_values_supported', async (t) => {
    await instance.core.store.write(({ users }) => users.update({ ...david, profile: WHOLE_PROFILE }, instance.now()))
    const scope = 'openid profile email phone address'
    const code = await obtainCode(instance, { scope, nonce: 'n' })
    const { id_token, access_token } = tokensOf(await redeem(instance, code))
    const claimed = await userinfo({ issuer }, access_token)
    const told = { ...claimsOf(id_token), ...(claimed.json as object) }
    const { at_hash: _, ...claims } = told as Record<string, unknown>
    t.strictSame(Object.keys(claims).sort(), listed('claims_supported').sort(), 'all of these, and only these')
    t.ok(listed('acr_values_supported').includes(String(claims['acr'])))
    const { alg } = JSON.parse(Buffer.from(id_token.split('.')[0] ?? '', 'base64url').toString()) as { alg: string }
    t.ok(listed('id_token_signing_alg_values_supported').includes(alg))
  })

  await t.test('request_*_supported, authorization_response_iss_parameter_supported', async (t) => {
    t.equal(await ask({ request: 'a.b.c' }), 'request_not_supported')
    t.equal(await ask({ request_uri: 'https://app.example.com/r' }), 'request_uri_not_supported')
    t.equal(answerOf(await authorize(instance)).get('iss'), issuer)
  })
})

await t.test('the algorithm of the instance is published first, and RS256 with it', async (t) => {
  const shapes = {
    ES256: ['EC', 'P-256', 'x', 'y'],
    EdDSA: ['OKP', 'Ed25519', 'x'],
    PS256: ['RSA', undefined, 'e', 'n'],
  }
  for (const [algorithm, [kty, crv, ...members]] of Object.entries(shapes)) {
    const { instance: other } = await startWorld(t, { TESSERA_SIGNING_ALGORITHM: algorithm })
    const document = await get(`${other.issuer}/.well-known/openid-configuration`)
    t.ok((document['id_token_signing_alg_values_supported'] as string[]).includes('RS256'))
    const { keys } = (await get(String(document['jwks_uri']))) as unknown as { keys: Record<string, string>[] }
    const own = { kty, alg: algorithm, use: 'sig', ...(crv === undefined ? {} : { crv }) }
    matchesWhole(t, keys, [own, { kty: 'RSA', alg: 'RS256', use: 'sig' }])
    const names = ['alg', ...(crv === undefined ? [] : ['crv']), 'kid', 'kty', 'use', ...members.map(String)].sort()
    t.strictSame(Object.keys(keys[0] ?? {}).sort(), names, 'no private member')
  }
})

await t.test('RFC 7517 §4, §9.3: JW-15 the key set holds public members only', async (t) => {
  const { keys, ...rest } = (await get(JWKS)) as unknown as { keys: Record<string, string>[] }
  t.strictSame(rest, {})
  t.equal(keys.length, 1)
  t.strictSame(Object.keys(keys[0] ?? {}).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use'])
  t.match(keys[0], { kty: 'RSA', alg: 'RS256', use: 'sig', e: 'AQAB', kid: /^[\w-]{16}$/, n: /^[\w-]{342}$/ })
  t.equal(Buffer.from(keys[0]?.['n'] ?? '', 'base64url').length * 8, 2048)
})

await t.test('anybody may fetch, embed and cache the public documents', async (t) => {
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex')
  for (const url of [OIDC, OAUTH, JWKS]) {
    await t.test(new URL(url).pathname, async (t) => {
      const answers = [
        await send(url),
        await send(`${url}?x=1`),
        await send(url, { headers: { origin: 'https://anybody.test' } }),
        await send(url, { headers: { cookie: 'tessera-session=x', authorization: 'Basic x', accept: 'text/html' } }),
      ]
      const bodies = new Set<string>()
      for (const response of answers) {
        t.equal(response.status, 200)
        t.equal(response.headers.get('content-type'), 'application/json; charset=utf-8')
        t.equal(response.headers.get('cache-control'), 'public, max-age=300')
        t.equal(response.headers.get('cross-origin-resource-policy'), 'cross-origin')
        t.equal(response.headers.get('access-control-allow-origin'), '*')
        t.equal(response.headers.get('access-control-allow-credentials'), null)
        t.equal(response.headers.get('set-cookie'), null)
        bodies.add(digest(response.text))
      }
      t.equal(bodies.size, 1, 'the same bytes for everybody')

      const head = await send(url, { method: 'HEAD' })
      t.strictSame([head.status, head.text], [200, ''], 'RFC 9110 §9.3.2: HEAD')
      for (const name of ['content-type', 'content-length', 'cache-control', 'access-control-allow-origin'])
        t.equal(head.headers.get(name), answers[0]?.headers.get(name), name)

      for (const method of ['POST', 'PUT', 'DELETE']) {
        const response = await send(url, { method })
        t.strictSame([response.status, response.headers.get('allow')], [405, 'GET, HEAD'], method)
        t.match(response.json, { error: 'invalid_request', error_description: 'use GET or HEAD here' })
        t.equal(response.headers.get('cache-control'), 'no-store', 'a refusal is not cached')
      }
      for (const headers of [{}, { origin: 'https://anybody.test', 'access-control-request-method': 'GET' }]) {
        const preflight = await send(url, { method: 'OPTIONS', headers: { ...headers } })
        t.equal(preflight.status, 204)
        t.equal(preflight.headers.get('access-control-allow-origin'), '*')
        t.equal(preflight.headers.get('access-control-allow-methods'), 'GET, HEAD')
      }
    })
  }
})
