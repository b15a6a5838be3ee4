// SQLite alone: plays the identity server itself, and stores nothing
import { exportJWK, generateKeyPair } from 'jose'
import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { challenged } from '../fixtures/resource-server/challenged.ts'
import { startGuardedApi } from '../fixtures/resource-server/guarded-api.ts'
import { API } from '../fixtures/resource-server/identity-stand-in.ts'

await t.test('RFC 9068 §4: a signed access token is let in, and the route learns what it says', async (t) => {
  const api = await startGuardedApi(t)
  const claims = api.server.claims({ scope: 'read update' })
  const answer = await api.callWith(await api.server.sign(claims))
  t.equal(answer.statusCode, 200)
  t.strictSame(answer.json(), {
    subject: 'user-1',
    clientId: 'my.trusted.app/web',
    kind: 'user',
    userId: 'user-1',
    scope: ['read', 'update'],
    issuedAt: api.now(),
    expiresAt: api.now() + 3_600_000,
    claims,
  })
  const service = { sub: 'my.app/sync', client_id: 'my.app/sync', id: undefined, client_system_user_id: 'svc-1' }
  const acted = await api.callWith(await api.server.sign(api.server.claims({ ...service, scope: ['read'] })))
  matchesWhole(t, acted.json(), { subject: 'my.app/sync', kind: 'service', userId: 'svc-1', scope: ['read'] })
  const typed = await api.server.sign(claims, { typ: 'application/at+jwt' })
  t.equal((await api.callWith(typed)).statusCode, 200, 'the media type in its long form')
})

await t.test('RFC 9068 §4: what is wrong with a token is told', async (t) => {
  const api = await startGuardedApi(t)
  const { sign, claims } = api.server
  const seconds = api.now() / 1000
  const other = await generateKeyPair('RS256')
  const cases: Readonly<Record<string, string>> = {
    'the access token has expired': await sign(claims({ exp: seconds - 6 })),
    'the access token is from another issuer': await sign(claims({ iss: 'https://evil.example' })),
    'the access token is for another API: its aud does not name DomainAPI': await sign(claims({ aud: 'https://a.b' })),
    'this is not an access token: its typ is not at+jwt': await sign(claims(), { typ: 'JWT' }),
    'the signature of the access token is wrong': await sign(claims(), { key: other.privateKey }),
    'the access token is signed with an algorithm that is not accepted': await sign(claims(), {
      alg: 'HS256',
      key: new Uint8Array(32),
    }),
    'the access token is signed with a key that the issuer does not publish': await sign(claims(), { kid: 'nobody' }),
    'the access token lacks the claim client_id': await sign(claims({ client_id: undefined })),
    'the access token lacks the claim jti': await sign(claims({ jti: undefined })),
    'the access token lacks the claim sub': await sign(claims({ sub: undefined })),
    'the access token lacks the claim iat': await sign(claims({ iat: undefined })),
    'the access token lacks the claim exp': await sign(claims({ exp: undefined })),
    'the claim exp of the access token is malformed': await sign(claims({ exp: 'soon' })),
    'this is not a readable access token': 'a.b.c',
    'this is not an access token': 'nonsense',
  }
  for (const [description, token] of Object.entries(cases))
    challenged(t, await api.callWith(token), 401, 'invalid_token', description)
  const listed = await sign(claims({ aud: ['https://other.example', API] }))
  t.equal((await api.callWith(listed)).statusCode, 200, 'one of several audiences')
  const tooEarly = 'the access token is not valid yet: a clock is wrong'
  for (const times of [{ nbf: seconds + 61 }, { iat: seconds + 61 }])
    challenged(t, await api.callWith(await sign(claims(times))), 401, 'invalid_token', tooEarly)
  const [over, early] = [{ exp: seconds - 4 }, { iat: seconds + 60, nbf: seconds + 60 }]
  for (const times of [over, early])
    t.equal((await api.callWith(await sign(claims(times)))).statusCode, 200, 'an end 5 s ago, a beginning in 60 s')
})

await t.test('RFC 7515 §4.1: no key is taken from the token itself', async (t) => {
  const api = await startGuardedApi(t)
  const evil = await generateKeyPair('RS256', { extractable: true })
  const header = { jwk: await exportJWK(evil.publicKey), jku: 'https://evil.example/jwks' }
  const token = await api.server.sign(api.server.claims(), { key: evil.privateKey, header })
  challenged(t, await api.callWith(token), 401, 'invalid_token', 'the signature of the access token is wrong')
  t.notOk(api.server.asked.some(({ path }) => path.includes('evil')))
})

await t.test('every algorithm of the server is understood', async (t) => {
  const api = await startGuardedApi(t)
  for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
    const kid = await api.server.addKey(alg)
    await api.advance(60_000)
    t.equal((await api.callWith(await api.server.sign(api.server.claims(), { kid }))).statusCode, 200, alg)
  }
})

await t.test('keys are fetched again for an unknown one, at most once a minute', async (t) => {
  const api = await startGuardedApi(t)
  const good = await api.server.sign(api.server.claims())
  await Promise.all([api.callWith(good), api.callWith(good), api.callWith(good)])
  t.equal(api.server.times('/jwks'), 1, 'calls that come together fetch them once')
  const kid = await api.server.addKey()
  const fresh = await api.server.sign(api.server.claims(), { kid })
  const answers = await Promise.all([api.callWith(fresh), api.callWith(fresh)])
  t.strictSame([answers.map(({ statusCode }) => statusCode), api.server.times('/jwks')], [[200, 200], 2])
  const unknown = await api.server.sign(api.server.claims(), { kid: 'nobody' })
  await api.callWith(unknown)
  await api.advance(59_000)
  t.equal((await api.callWith(unknown)).statusCode, 401)
  t.equal(api.server.times('/jwks'), 2, 'within the minute nobody asks')
  await api.advance(1000)
  t.equal((await api.callWith(unknown)).statusCode, 401)
  t.equal(api.server.times('/jwks'), 3)
})

await t.test('known keys count while the server is away; without any it is 503, never 401', async (t) => {
  const api = await startGuardedApi(t)
  const { state, sign, claims } = api.server
  const away = async (token: string): Promise<void> => {
    const answer = await api.callWith(token)
    t.equal(answer.statusCode, 503)
    t.equal(answer.headers['retry-after'], '5')
    t.equal(answer.headers['www-authenticate'], undefined)
    t.strictSame(answer.json(), {
      error: 'temporarily_unavailable',
      error_description: 'access tokens cannot be checked at the moment',
    })
  }
  state.away = true
  await away(await sign(claims()))
  await away(await sign(claims()))
  t.equal(api.server.times('/.well-known/openid-configuration'), 1, 'one try in a second')
  await api.advance(1000)
  state.away = false
  t.equal((await api.callWith(await sign(claims()))).statusCode, 200)
  state.away = true
  await api.advance(3_600_000)
  t.equal((await api.callWith(await sign(claims()))).statusCode, 200, 'an hour later they still count')
  await away(await sign(claims(), { kid: 'nobody' }))
  state.away = false
  await api.advance(60_000)
  t.equal((await api.callWith(await sign(claims(), { kid: 'nobody' }))).statusCode, 401)
})

await t.test('a key that was withdrawn counts no more from the next fetch on', async (t) => {
  const api = await startGuardedApi(t)
  const token = (): Promise<string> => api.server.sign(api.server.claims())
  t.equal((await api.callWith(await token())).statusCode, 200)
  await api.server.addKey()
  api.server.state.hidden.add('key-1')
  await api.advance(10 * 60_000)
  t.equal((await api.callWith(await token())).statusCode, 200, 'this call has them fetched')
  t.equal((await api.callWith(await token())).statusCode, 401)
  api.server.state.hidden.clear()
  await api.advance(60 * 60_000)
  t.equal((await api.callWith(await token())).statusCode, 200, 'after an hour without calls they are fetched first')
})

await t.test('OIDC Discovery §4.3: discovery that names another issuer is not believed', async (t) => {
  const api = await startGuardedApi(t)
  api.server.state.metadata = { issuer: 'https://evil.example' }
  const answer = await api.callWith(await api.server.sign(api.server.claims()))
  t.equal(answer.statusCode, 503)
  const [logged] = api.log.filter(({ msg }) => msg === 'access tokens cannot be checked')
  t.match(logged, { level: 50, err: { message: /names another issuer: https:\/\/evil/ } })
  await api.advance(1000)
  api.server.state.metadata = { jwks_uri: 'http://id.example.com/jwks' }
  t.equal((await api.callWith(await api.server.sign(api.server.claims()))).statusCode, 503, 'no keys without TLS')
})
