import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import {
  answerOf,
  authorize,
  obtainCode,
  obtainTokens,
  PKCE,
  redeem,
  refresh,
  VERIFIER,
} from '../../fixtures/clients/code-flow.ts'
import { introspect, requestServiceToken, userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import type { Instance } from '../../fixtures/instance/instance.ts'
import {
  HYBRID,
  HYBRID_REDIRECT,
  PORTAL,
  PORTAL_REDIRECT,
  SPA,
  SPA_REDIRECT,
  SYNC,
  startWorld,
  WEB,
} from '../../fixtures/instance/world.ts'

const { instance, david, service } = await startWorld(t)
await instance.addUser({ login: 'greta', name: 'Greta Admin', isAdmin: true })
const SECOND = 1000
const API = 'DomainAPI'
const ALWAYS = ['aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'nbf', 'scope', 'sub']
const USER = ['amr', 'auth_time', 'db', 'id', 'idp', 'sid', 'user_type']
const SERVICE = ['client_db', 'client_system_user', 'client_system_user_id', 'client_system_user_type']

const namesOf = (claims: object): string[] => Object.keys(claims).sort()
const sorted = (...names: string[]): string[] => [...names].sort()

const fetchJwks = async (of: Instance): Promise<JSONWebKeySet> =>
  (await (await fetch(`${of.issuer}/.well-known/openid-configuration/jwks`)).json()) as JSONWebKeySet

/** Verifies as an API does: by the published keys, at the server's time, and nothing but an access token. */
async function verify(token: string, { audience = API, of = instance }: { audience?: string; of?: Instance } = {}) {
  return jwtVerify(token, createLocalJWKSet(await fetchJwks(of)), {
    issuer: of.issuer,
    audience,
    typ: 'at+jwt',
    currentDate: new Date(of.now()),
    requiredClaims: [...ALWAYS],
  })
}

const serviceToken = async (app = SYNC, fields = {}, of = instance) =>
  tokensOf(await requestServiceToken(of, basic(app), { ...fields }))

const tokensFor = (scope: string, login = 'david') => obtainTokens(instance, { scope }, { login })

await t.test('RFC 9068 §2.1, §4: signed, typed, and verified from the published keys', async (t) => {
  const { access_token } = await tokensFor('openid read')
  const { protectedHeader, payload } = await verify(access_token)
  const { keys } = await fetchJwks(instance)
  t.strictSame(protectedHeader, { alg: 'RS256', typ: 'at+jwt', kid: keys[0]?.kid ?? '' }, 'header and nothing else')
  const jwksUri = new URL(`${instance.issuer}/.well-known/openid-configuration/jwks`)
  const remote = await jwtVerify(access_token, createRemoteJWKSet(jwksUri), {
    currentDate: new Date(instance.now()),
    algorithms: ['RS256'],
  })
  t.strictSame(remote.payload, payload)
  const [header, , signature] = access_token.split('.')
  const [, payloadOfAnother] = (await tokensFor('openid read update')).access_token.split('.')
  const changed = [header, payloadOfAnother, signature].join('.')
  await t.rejects(verify(changed), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
})

await t.test('RFC 9068 §2.2: the claims of a user token are these and no others', async (t) => {
  instance.advance(7 * SECOND)
  const issuedAt = instance.now() / SECOND
  const { access_token, expires_in, scope } = await tokensFor('openid profile email offline_access read')
  const { payload } = await verify(access_token)
  const { jti, sid, ...rest } = payload
  t.match(jti, /^f\.[0-9a-f-]{36}\.[\w-]{22}$/)
  t.match(sid, /^[\w-]{16,}$/)
  t.strictSame(rest, {
    iss: instance.issuer,
    aud: API,
    iat: issuedAt,
    nbf: issuedAt - 60,
    exp: issuedAt + 3600,
    scope: 'openid profile email offline_access read',
    client_id: WEB,
    sub: david.id,
    id: david.id,
    auth_time: issuedAt,
    amr: ['pwd'],
    idp: 'local',
    user_type: 'InternalUser',
    db: 'tessera',
    name: 'David Miller',
    locale: 'en-GB',
    is_admin: false,
    email: 'david@example.com',
    email_verified: true,
  })
  t.equal(scope, rest['scope'], 'RFC 6749 §5.1: the answer says the same scope')
  t.equal(expires_in, 3600)
})

await t.test('product.md, Tokens: profile claims go as far as the scope does', async (t) => {
  const rows: Readonly<Record<string, readonly string[]>> = {
    read: [],
    openid: [],
    'openid phone': [],
    'openid profile': ['name', 'locale', 'is_admin'],
    'openid email': ['email', 'email_verified'],
    'profile read': ['name', 'locale', 'is_admin'],
    'openid profile email phone address read update': ['name', 'locale', 'is_admin', 'email', 'email_verified'],
  }
  for (const [scope, allowed] of Object.entries(rows)) {
    const { access_token } = await tokensFor(scope)
    t.strictSame(namesOf(claimsOf(access_token)), sorted(...ALWAYS, ...USER, ...allowed), scope)
  }
  const greta = claimsOf((await tokensFor('openid profile email read', 'greta')).access_token)
  t.match(greta, { name: 'Greta Admin', is_admin: true })
  t.strictSame(
    namesOf(greta),
    sorted(...ALWAYS, ...USER, 'name', 'is_admin'),
    'what the record does not hold is absent, not null',
  )
})

await t.test('RFC 9068 §2.2, §5: aud is the API where there is an API scope, else the issuer', async (t) => {
  t.equal(claimsOf((await tokensFor('openid profile')).access_token)['aud'], instance.issuer)
  t.equal(claimsOf((await tokensFor('openid profile update')).access_token)['aud'], API)
  const narrowed = await refresh(instance, (await tokensFor('openid offline_access read')).refresh_token, {
    scope: 'openid',
  })
  const { access_token } = tokensOf(narrowed)
  t.match(claimsOf(access_token), { aud: instance.issuer, scope: 'openid' }, 'also where a refresh leaves none')
  await t.rejects(verify(access_token), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'aud' })
})

await t.test('RFC 6749 §4.4: the claims of a service token are these and no others', async (t) => {
  const issuedAt = instance.now() / SECOND
  const answer = await serviceToken()
  t.strictSame(
    namesOf(answer).filter((name) => answer[name as keyof typeof answer] !== ''),
    ['access_token', 'expires_in', 'scope', 'token_type'],
  )
  const { protectedHeader, payload } = await verify(answer.access_token)
  t.equal(protectedHeader.typ, 'at+jwt')
  const { jti, ...rest } = payload
  t.match(jti, /^s\.\d+-\d+-\d+\.[\w-]{22}$/)
  t.strictSame(rest, {
    iss: instance.issuer,
    aud: API,
    iat: issuedAt,
    nbf: issuedAt - 60,
    exp: issuedAt + 3600,
    scope: 'read update',
    client_id: SYNC,
    sub: SYNC,
    client_db: 'tessera',
    client_system_user: 'svc.sync',
    client_system_user_type: 'SystemUserNoLogin',
    client_system_user_id: service.id,
  })
  t.equal(claimsOf((await serviceToken(SYNC, { scope: 'update' })).access_token)['scope'], 'update')
})

await t.test('a hybrid app: its user tokens and service tokens are told apart from their claims alone', async (t) => {
  const code = await obtainCode(instance, {
    client_id: HYBRID,
    redirect_uri: HYBRID_REDIRECT,
    scope: 'openid profile offline_access read',
  })
  const mine = tokensOf(await redeem(instance, code, { redirect_uri: HYBRID_REDIRECT }, basic(HYBRID)))
  const ofUser = claimsOf(mine.access_token)
  const ofService = claimsOf((await serviceToken(HYBRID)).access_token)
  t.strictSame(namesOf(ofUser), sorted(...ALWAYS, ...USER, 'name', 'locale', 'is_admin'))
  t.strictSame(namesOf(ofService), sorted(...ALWAYS, ...SERVICE))
  t.strictSame([ofUser['client_id'], ofService['client_id']], [HYBRID, HYBRID])
  t.strictSame([ofUser['sub'], ofService['sub']], [david.id, HYBRID])

  const again = tokensOf(await refresh(instance, mine.refresh_token, {}, basic(HYBRID)))
  t.strictSame(namesOf(claimsOf(again.access_token)), namesOf(ofUser), 'a refresh stays a user token')
  const crossed = await requestServiceToken(instance, basic(HYBRID), { refresh_token: again.refresh_token })
  t.strictSame(
    namesOf(claimsOf(tokensOf(crossed).access_token)),
    sorted(...ALWAYS, ...SERVICE),
    'a refresh token beside client credentials adds no person',
  )
})

await t.test('lifetimes: an hour, or what the record says, to the second', async (t) => {
  await instance.addApp({
    applicationUri: 'short.app',
    systemUserAllowed: true,
    systemUser: service.id,
    scope: ['read'],
    accessTokenLifetime: 90,
  })
  for (const [app, lifetime] of [
    [SYNC, 3600],
    ['short.app', 90],
  ] as const) {
    const { access_token, expires_in } = await serviceToken(app)
    const { iat, exp } = claimsOf(access_token) as { iat: number; exp: number }
    t.strictSame([expires_in, exp - iat], [lifetime, lifetime], app)
    instance.advance((lifetime - 1) * SECOND)
    await t.resolves(verify(access_token), 'good in its last second')
    instance.advance(SECOND)
    await t.rejects(verify(access_token), { code: 'ERR_JWT_EXPIRED' })
  }
})

await t.test('RFC 9068 §2.2: no two tokens share a jti', async (t) => {
  const tokens = await Promise.all(Array.from({ length: 20 }, () => serviceToken()))
  t.equal(new Set(tokens.map(({ access_token }) => claimsOf(access_token)['jti'])).size, 20)
})

await t.test('a community user gets an identity and never access to the API', async (t) => {
  const request = { client_id: PORTAL, redirect_uri: PORTAL_REDIRECT }
  const refused = async (parameters: Readonly<Record<string, string>>) => {
    const answer = answerOf(await authorize(instance, { ...request, ...parameters }, { login: 'carla' }))
    return [answer.get('error'), answer.get('error_description'), answer.has('code')]
  }
  for (const [scope, beyond] of [
    ['openid read', 'read'],
    ['read', 'read'],
    ['openid update read profile', 'update read'],
  ] as const) {
    t.strictSame(
      await refused({ scope }),
      ['invalid_scope', `community users have no access to the APIs of the instance: ${beyond}`, false],
      scope,
    )
  }
  const code = await obtainCode(instance, { ...request, scope: 'openid profile offline_access' }, { login: 'carla' })
  const tokens = tokensOf(await redeem(instance, code, { redirect_uri: PORTAL_REDIRECT }, basic(PORTAL)))
  const claims = claimsOf(tokens.access_token)
  t.match(claims, { aud: instance.issuer, user_type: 'ExternalCommunityUser', scope: 'openid profile offline_access' })
  await t.rejects(
    verify(tokens.access_token),
    { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'aud' },
    'the API refuses it',
  )
  const wider = await refresh(instance, tokens.refresh_token, { scope: 'openid read' }, basic(PORTAL))
  t.match(wider.json, { error: 'invalid_scope' })
  const again = tokensOf(await refresh(instance, tokens.refresh_token, {}, basic(PORTAL)))
  t.equal(claimsOf(again.access_token)['aud'], instance.issuer, 'nor by a refresh')
  const claimed = await userinfo(instance, again.access_token)
  t.match(claimed.json, { sub: claims['sub'], name: 'Carla Customer' })
})

await t.test('a Public app gets the same kind of token', async (t) => {
  const request = { client_id: SPA, redirect_uri: SPA_REDIRECT, scope: 'openid read' }
  const code = await obtainCode(instance, { ...request, ...PKCE })
  const fields = { client_id: SPA, redirect_uri: SPA_REDIRECT, code_verifier: VERIFIER }
  const { access_token } = tokensOf(await redeem(instance, code, fields, {}))
  t.match((await verify(access_token)).payload, { client_id: SPA, sub: david.id, aud: API })
})

await t.test('settings', async (t) => {
  const claimsUnder = async (t: Test, settings: Readonly<Record<string, string>>) => {
    const { instance: other, david: his } = await startWorld(t, settings)
    const { access_token } = await obtainTokens(other, { scope: 'openid read update' })
    return { other, his, access_token, claims: claimsOf(access_token), service: await serviceToken(SYNC, {}, other) }
  }

  await t.test('names of the instance and of its API', async (t) => {
    const { other, claims, service, access_token } = await claimsUnder(t, {
      TESSERA_INSTANCE: 'acme',
      TESSERA_AUDIENCE: 'https://api.example.com/',
    })
    t.match(claims, { db: 'acme', aud: 'https://api.example.com/' })
    t.match(claimsOf(service.access_token), { client_db: 'acme', aud: 'https://api.example.com/' })
    await t.resolves(verify(access_token, { audience: 'https://api.example.com/', of: other }))
  })

  await t.test('compatibility: scope as an array, sub as the login', async (t) => {
    const { other, his, claims, service, access_token } = await claimsUnder(t, {
      TESSERA_COMPAT_SCOPE_ARRAY: 'true',
      TESSERA_COMPAT_SUBJECT_LOGIN: 'true',
    })
    matchesWhole(t, claims, { scope: ['openid', 'read', 'update'], sub: 'david', id: his.id })
    matchesWhole(t, claimsOf(service.access_token), { scope: ['read', 'update'], sub: SYNC })
    const claimed = await userinfo(other, access_token)
    t.strictSame(claimed.json, { sub: 'david' }, 'the server reads its own spelling')
  })

  for (const algorithm of ['ES256', 'PS256', 'EdDSA']) {
    await t.test(algorithm, async (t) => {
      const { other, access_token } = await claimsUnder(t, { TESSERA_SIGNING_ALGORITHM: algorithm })
      t.match((await verify(access_token, { of: other })).protectedHeader, { alg: algorithm, typ: 'at+jwt' })
      const claimed = await userinfo(other, access_token)
      t.equal(claimed.status, 200)
    })
  }
})

await t.test(
  'idp says that this server found out who the person is; where nobody signed in there is none',
  async (t) => {
    const { access_token, id_token } = await tokensFor('openid read')
    for (const token of [access_token, id_token]) t.equal(claimsOf(token)['idp'], 'local')
    t.equal((await introspect(instance, access_token)).json['idp'], 'local')
    t.notOk('idp' in claimsOf((await serviceToken()).access_token))
  },
)
