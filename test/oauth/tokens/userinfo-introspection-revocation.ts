import t from 'tap'
import { logHoldsNoSecret, type Refusal, refused } from '../../fixtures/answers/refusals.ts'
import { obtainCode, obtainTokens, PKCE, redeem, refresh, VERIFIER } from '../../fixtures/clients/code-flow.ts'
import { introspect, revoke, serviceToken } from '../../fixtures/clients/endpoints.ts'
import { type Answer, basic, bearer, type HeaderFields, postForm, postRaw, send } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import {
  enableApp,
  enableUser,
  NOTE,
  OTHER,
  SPA,
  SPA_REDIRECT,
  SYNC,
  startWorld,
  WEB,
} from '../../fixtures/instance/world.ts'

type T = Parameters<typeof refused>[0]

const { instance, david, anna, service } = await startWorld(t)
const HOUR = 3_600_000
const DAY = 24 * HOUR
const USERINFO = `${instance.issuer}/connect/userinfo`

const userinfo = (headers: HeaderFields, query = ''): Promise<Answer> => send(`${USERINFO}${query}`, { headers })

const spaTokens = async () => {
  const request = { client_id: SPA, redirect_uri: SPA_REDIRECT, scope: 'openid offline_access read' }
  const code = await obtainCode(instance, { ...request, ...PKCE })
  const fields = { client_id: SPA, redirect_uri: SPA_REDIRECT, code_verifier: VERIFIER }
  return tokensOf(await redeem(instance, code, fields, {}))
}

const INVALID_TOKEN: Refusal = {
  status: 401,
  error: 'invalid_token',
  description: 'the access token is unknown, expired or revoked',
}
const malformed = (description: string): Refusal => ({ status: 400, error: 'invalid_request', description })

/** The refusal, and the challenge that repeats it. @see RFC 6750 §3 */
async function challenged(t: T, response: Answer, refusal: Refusal): Promise<void> {
  t.equal(
    response.headers.get('www-authenticate'),
    `Bearer realm="tessera", error="${refusal.error}", error_description="${refusal.description}"`,
  )
  refused(t, instance, response, refusal)
}

/** RFC 7662 §2.2: of a token that is not active nothing at all is told. */
async function inactive(t: T, response: Answer, message: string): Promise<void> {
  t.strictSame([response.status, response.text], [200, '{"active":false}'], message)
}

await t.test('RFC 6750 §2: where the access token is sent', async (t) => {
  const { access_token } = await obtainTokens(instance)
  const expected = {
    sub: david.id,
    name: 'David Miller',
    given_name: 'David',
    family_name: 'Miller',
    preferred_username: 'david',
    locale: 'en-GB',
    updated_at: david.updatedAt / 1000,
    email: 'david@example.com',
    email_verified: true,
  }
  const post = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } }
  const ways: Readonly<Record<string, () => Promise<Answer>>> = {
    'the header': () => userinfo(bearer(access_token)),
    'the scheme in lower case': () => userinfo({ authorization: `bearer ${access_token}` }),
    'the header of a POST': () => send(USERINFO, { method: 'POST', headers: bearer(access_token) }),
    'the header of a POST with an empty form': () =>
      send(USERINFO, { ...post, headers: { ...post.headers, ...bearer(access_token) }, body: '' }),
    'the body of a POST': () => postForm(USERINFO, { access_token }),
    'the body of a POST that holds more': () => postForm(USERINFO, { access_token, schema: 'openid' }),
  }
  for (const [name, send] of Object.entries(ways)) {
    const response = await send()
    t.strictSame([response.status, response.json], [200, expected], name)
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.match(response.headers.get('content-type'), /^application\/json\b/)
    t.equal(response.headers.get('www-authenticate'), null)
  }
})

await t.test('RFC 6750 §2, §3.1: JW-18, JW-19 where it is not', async (t) => {
  const { access_token } = await obtainTokens(instance)
  const inUrl = malformed('an access token never belongs in the URL; send it in the Authorization header')
  const twice = malformed('the access token was sent twice: use either the header or the body')
  const unreadable = malformed('the Authorization header does not contain exactly one Bearer token')
  await challenged(t, await userinfo({}, `?access_token=${access_token}`), inUrl)
  await challenged(t, await userinfo(bearer(access_token), `?access_token=${access_token}`), inUrl)
  await challenged(t, await postForm(USERINFO, { access_token }, bearer(access_token)), twice)
  for (const authorization of [
    'Bearer',
    'Bearer  ',
    'Bearer x y',
    'Bearer a,b',
    `Bearer\t${access_token}`,
    'Bearer ü',
  ]) {
    await challenged(t, await userinfo({ authorization }), unreadable)
  }
  const form = ['content-type', 'application/x-www-form-urlencoded'] as const
  const header = ['authorization', `Bearer ${access_token}`] as const
  await challenged(
    t,
    await postRaw(USERINFO, [form, header, header], ''),
    malformed('the Authorization header was sent more than once'),
  )
  await challenged(
    t,
    await postRaw(USERINFO, [form], `access_token=${access_token}&access_token=${access_token}`),
    malformed('parameter is repeated: access_token'),
  )
  await challenged(t, await userinfo(bearer('x'.repeat(15_000))), INVALID_TOKEN)
})

await t.test('RFC 6750 §3.1: who tried no token is told the scheme and no error', async (t) => {
  const none: Refusal = { status: 401, error: 'invalid_token', description: 'an access token is required' }
  for (const response of [
    await userinfo({}),
    await postForm(USERINFO, {}),
    await userinfo(basic(WEB)),
    await userinfo({ authorization: 'Bearerish x' }),
  ]) {
    t.equal(response.headers.get('www-authenticate'), 'Bearer realm="tessera"')
    refused(t, instance, response, none)
  }
})

await t.test('OIDC Core §5.4: UserInfo goes as far as the scope', async (t) => {
  const profile = ['family_name', 'given_name', 'locale', 'name', 'preferred_username', 'updated_at']
  const rows: Readonly<Record<string, readonly string[]>> = {
    openid: [],
    'openid read update': [],
    'openid profile': profile,
    'openid email': ['email', 'email_verified'],
    'openid phone': ['phone_number', 'phone_number_verified'],
    'openid address': [],
    'openid profile email phone': [...profile, 'email', 'email_verified', 'phone_number', 'phone_number_verified'],
  }
  for (const [scope, allowed] of Object.entries(rows)) {
    const { access_token, id_token } = await obtainTokens(instance, { scope })
    const claims = (await userinfo(bearer(access_token))).json as Record<string, unknown>
    t.strictSame(Object.keys(claims).sort(), ['sub', ...allowed].sort(), scope)
    t.equal(claims['sub'], claimsOf(id_token)['sub'], '§5.3.2: the sub of the ID token')
  }
  const hers = await obtainTokens(instance, { scope: 'openid profile email phone' }, { login: 'anna' })
  const claims = (await userinfo(bearer(hers.access_token))).json
  t.strictSame(
    claims,
    { sub: anna.id, name: 'Anna Berg', preferred_username: 'anna', updated_at: anna.updatedAt / 1000 },
    '§5.3.2: what is not known is left out, never null',
  )
})

await t.test('RFC 6750 §3.1: insufficient_scope', async (t) => {
  const { access_token } = await obtainTokens(instance, { scope: 'profile read' })
  const lacks = (description: string): Refusal => ({ status: 403, error: 'insufficient_scope', description })
  await challenged(t, await userinfo(bearer(access_token)), lacks('the access token lacks the scope: openid'))
  await challenged(
    t,
    await userinfo(bearer(await serviceToken(instance))),
    lacks('a service token does not act for a person'),
  )
})

await t.test('a token is good until it expires, is revoked, or its user or app is switched off', async (t) => {
  const ways: Readonly<Record<string, (token: string) => unknown>> = {
    expired: () => instance.advance(HOUR),
    revoked: (token) => revoke(instance, token),
    'user disabled': () => enableUser(instance, david, false),
    'app disabled': () => enableApp(instance, WEB, false),
  }
  for (const [name, end] of Object.entries(ways)) {
    await t.test(name, async (t) => {
      const { access_token, refresh_token } = await obtainTokens(instance)
      instance.advance(1000)
      t.equal((await userinfo(bearer(access_token))).status, 200)
      t.match((await introspect(instance, access_token)).json, { active: true })
      await end(access_token)
      await challenged(t, await userinfo(bearer(access_token)), INVALID_TOKEN)
      await enableApp(instance, WEB, true)
      await inactive(t, await introspect(instance, access_token), 'access token')
      if (/disabled/.test(name)) await inactive(t, await introspect(instance, refresh_token), 'refresh token')
      t.equal((await revoke(instance, access_token)).status, 200, 'RFC 7009 §2.2: revoking it again is no error')
      await enableUser(instance, david, true)
      t.equal((await userinfo(bearer(access_token))).status, 401, 'and it never comes back')
    })
  }
  for (const token of ['', 'garbage', 'a.b.c', 'x'.repeat(400)]) {
    if (token !== '') await inactive(t, await introspect(instance, token), `unknown: ${token.slice(0, 10)}`)
  }
  await inactive(t, await introspect(instance, (await obtainTokens(instance)).id_token), 'an ID token is neither')
})

await t.test('RFC 7662 §2.2: what an active token says', async (t) => {
  const tokens = await obtainTokens(instance)
  const issuedAt = instance.now() / 1000
  const scope = 'openid profile email offline_access read'
  t.strictSame((await introspect(instance, tokens.access_token)).json, {
    active: true,
    token_type: 'Bearer',
    ...claimsOf(tokens.access_token),
    scope,
    username: 'david',
  })
  t.strictSame((await introspect(instance, tokens.refresh_token)).json, {
    active: true,
    token_type: 'refresh_token',
    iss: instance.issuer,
    client_id: WEB,
    sub: david.id,
    username: 'david',
    scope,
    iat: issuedAt,
    exp: issuedAt + (30 * DAY) / 1000,
  })
  const ofService = await serviceToken(instance)
  const described = (await introspect(instance, ofService, basic(SYNC))).json as Record<string, unknown>
  t.strictSame(described, { active: true, token_type: 'Bearer', ...claimsOf(ofService) }, 'a service has no username')
  t.equal(described['client_system_user_id'], service.id)

  const second = tokensOf(await refresh(instance, tokens.refresh_token))
  await inactive(t, await introspect(instance, tokens.refresh_token), 'a rotated refresh token')
  t.match((await introspect(instance, second.refresh_token)).json, { active: true, exp: issuedAt + (30 * DAY) / 1000 })
  for (const token_type_hint of ['access_token', 'refresh_token', 'nonsense']) {
    t.match((await introspect(instance, tokens.access_token, basic(WEB), { token_type_hint })).json, { active: true })
    t.match((await introspect(instance, second.refresh_token, basic(WEB), { token_type_hint })).json, { active: true })
  }
})

await t.test("RFC 7662 §4: another app's token is inactive", async (t) => {
  const tokens = await obtainTokens(instance)
  await inactive(t, await introspect(instance, tokens.access_token, basic(OTHER)), 'access token')
  await inactive(t, await introspect(instance, tokens.refresh_token, basic(OTHER)), 'refresh token')
  await inactive(t, await introspect(instance, await serviceToken(instance)), 'service token')
  t.match((await introspect(instance, tokens.access_token)).json, { active: true }, 'its own app is told')
})

await t.test('RFC 7662 §2.1, RFC 7009 §2.1: who may ask', async (t) => {
  const { access_token } = await obtainTokens(instance)
  const unknown: Refusal = {
    status: 401,
    error: 'invalid_client',
    description: 'the app is unknown, or its authentication is wrong or missing',
  }
  const noNote: Refusal = {
    status: 400,
    error: 'unauthorized_client',
    description: 'the app is registered as a note only and cannot use any flow',
  }
  for (const ask of [introspect, revoke]) {
    await t.test(ask === introspect ? 'introspection' : 'revocation', async (t) => {
      const nobody = { ...unknown, description: 'client_id is missing' }
      refused(t, instance, await ask(instance, access_token, {}), nobody)
      const wrong = await ask(instance, access_token, basic(WEB, 'a-wrong-secret-0123456789abcdef'))
      t.match(wrong.headers.get('www-authenticate'), /^Basic realm="tessera", error="invalid_client", /)
      refused(t, instance, wrong, unknown)
      refused(t, instance, await ask(instance, access_token, {}, { client_id: WEB }), unknown)
      refused(t, instance, await ask(instance, access_token, basic(NOTE)), noNote)
      const unreadable = { ...unknown, description: 'the Authorization header does not contain Basic credentials' }
      refused(t, instance, await ask(instance, access_token, bearer(access_token)), unreadable)
      refused(t, instance, await ask(instance, '', basic(WEB)), malformed('parameter is missing: token'))
      t.match((await introspect(instance, access_token)).json, { active: true }, 'none of them did anything')
    })
  }
  refused(t, instance, await introspect(instance, access_token, {}, { client_id: SPA }), {
    ...unknown,
    description: 'only a Confidential app may introspect tokens',
  })
})

await t.test('RFC 7009 §2.1: revoking a refresh token ends all that grew from the sign-in', async (t) => {
  const first = await obtainTokens(instance)
  const bystander = await obtainTokens(instance)
  const second = tokensOf(await refresh(instance, first.refresh_token))
  const response = await revoke(instance, second.refresh_token)
  t.strictSame([response.status, response.json], [200, {}], 'JSON, as clients expect of every answer')
  t.equal(response.headers.get('cache-control'), 'no-store')
  for (const { access_token, refresh_token } of [first, second]) {
    t.equal((await userinfo(bearer(access_token))).status, 401)
    await inactive(t, await introspect(instance, access_token), 'access token')
    await inactive(t, await introspect(instance, refresh_token), 'refresh token')
    t.match((await refresh(instance, refresh_token)).json, { error: 'invalid_grant' })
  }
  t.equal((await userinfo(bearer(bystander.access_token))).status, 200, 'another sign-in is not touched')
})

await t.test('RFC 7009 §2.1: revoking an access token ends that one alone', async (t) => {
  const tokens = await obtainTokens(instance)
  t.equal((await revoke(instance, tokens.access_token)).status, 200)
  t.equal((await userinfo(bearer(tokens.access_token))).status, 401)
  const next = tokensOf(await refresh(instance, tokens.refresh_token))
  t.equal((await userinfo(bearer(next.access_token))).status, 200, 'the next one is good')
  const ofService = await serviceToken(instance)
  t.equal((await revoke(instance, ofService, basic(SYNC))).status, 200)
  await inactive(t, await introspect(instance, ofService, basic(SYNC)), 'a service token too')
})

await t.test('RFC 7009 §2.2: an unknown token is answered with 200', async (t) => {
  const { refresh_token, access_token, id_token } = await obtainTokens(instance)
  for (const token of ['garbage', 'a.b.c', `${refresh_token}x`, id_token, 'x'.repeat(16_000)]) {
    t.equal((await revoke(instance, token)).status, 200, token.slice(0, 20))
  }
  t.match((await introspect(instance, refresh_token)).json, { active: true })
  for (const [token, token_type_hint] of [
    [access_token, 'refresh_token'],
    [refresh_token, 'access_token'],
    ['garbage', 'nonsense'],
  ] as const) {
    t.equal((await revoke(instance, token, basic(WEB), { token_type_hint })).status, 200, 'a wrong hint hinders nobody')
    await inactive(t, await introspect(instance, token), `revoked, though called ${token_type_hint}`)
  }
})

await t.test("RFC 7009 §2.1: another app's token is refused and lives on", async (t) => {
  const { access_token, refresh_token } = await obtainTokens(instance)
  const notYours: Refusal = {
    status: 400,
    error: 'invalid_grant',
    description: 'the token was issued to another app',
    cause: { client_id: OTHER },
  }
  for (const token of [access_token, refresh_token]) {
    refused(t, instance, await revoke(instance, token, basic(OTHER)), notYours)
    refused(t, instance, await revoke(instance, token, {}, { client_id: SPA }), {
      ...notYours,
      cause: { client_id: SPA },
    })
    t.match((await introspect(instance, token)).json, { active: true })
  }
})

await t.test('RFC 7009 §2.1: a Public app names itself and revokes its own', async (t) => {
  const tokens = await spaTokens()
  t.equal((await revoke(instance, tokens.refresh_token, {}, { client_id: SPA })).status, 200)
  t.equal((await userinfo(bearer(tokens.access_token))).status, 401)
  const fields = { client_id: SPA }
  t.match((await refresh(instance, tokens.refresh_token, fields, {})).json, { error: 'invalid_grant' })
  const others = await spaTokens()
  const secret = 'a-public-app-has-no-secret-0123'
  t.equal((await revoke(instance, others.refresh_token, {}, { client_id: SPA, client_secret: secret })).status, 401)
  t.equal((await userinfo(bearer(others.access_token))).status, 200)
})

await t.test('LG-31 the log holds none of those tokens', (t) => {
  logHoldsNoSecret(t, instance)
  t.end()
})
