// SQLite alone: is about signatures and claims, which are judged before a database is asked
import { createHash } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import t from 'tap'
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
import { userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import type { Instance } from '../../fixtures/instance/instance.ts'
import { HYBRID, HYBRID_REDIRECT, SPA, SPA_REDIRECT, startWorld, WEB } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'

const { instance, david } = await startWorld(t)
const SECOND = 1000
const MINUTE = 60 * SECOND
const REQUIRED = ['acr', 'amr', 'at_hash', 'aud', 'auth_time', 'exp', 'iat', 'idp', 'iss', 'sid', 'sub']

const inSeconds = (of: Instance): number => of.now() / SECOND
const namesOf = (claims: object): string[] => Object.keys(claims).sort()

/** What a hash claim must be: the left half of the digest that goes with the signature. @see OIDC Core §3.1.3.6 */
const leftHalf = (value: string, hash = 'sha256'): string => {
  const digest = createHash(hash).update(value, 'ascii').digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

/** Validates as a relying party does. @see OIDC Core §3.1.3.7 */
async function validate(idToken: string, { of = instance, audience = WEB } = {}) {
  const jwks = await (await fetch(`${of.issuer}/.well-known/openid-configuration/jwks`)).json()
  return jwtVerify(idToken, createLocalJWKSet(jwks as JSONWebKeySet), {
    issuer: of.issuer,
    audience,
    typ: 'JWT',
    currentDate: new Date(of.now()),
    requiredClaims: REQUIRED,
  })
}

await t.test('OIDC Core §2: the claims are these and no others', async (t) => {
  const signedInAt = inSeconds(instance)
  const code = await obtainCode(instance, { scope: 'openid profile email phone read', nonce: 'n-0S6_WzA2Mj' })
  instance.advance(20 * SECOND)
  const tokens = tokensOf(await redeem(instance, code))
  const { protectedHeader, payload } = await validate(tokens.id_token)
  t.strictSame(namesOf(protectedHeader), ['alg', 'kid', 'typ'])
  t.match(protectedHeader, { alg: 'RS256', typ: 'JWT' })
  const { sid, ...rest } = payload
  t.equal(sid, claimsOf(tokens.access_token)['sid'], 'the same session in both tokens')
  t.strictSame(rest, {
    iss: instance.issuer,
    sub: david.id,
    aud: WEB,
    iat: signedInAt + 20,
    exp: signedInAt + 20 + 300,
    auth_time: signedInAt,
    amr: ['pwd'],
    idp: 'local',
    acr: 'urn:tessera:pwd',
    nonce: 'n-0S6_WzA2Mj',
    at_hash: leftHalf(tokens.access_token),
  })
})

await t.test('OIDC Core §5.4: profile claims are for UserInfo, not for the ID token', async (t) => {
  for (const scope of ['openid', 'openid profile email phone address', 'openid offline_access read update']) {
    t.strictSame(namesOf(claimsOf((await obtainTokens(instance, { scope })).id_token)), REQUIRED, scope)
  }
})

await t.test('OIDC Core §3.1.3.7: iss, sub, aud, azp', async (t) => {
  const claims = claimsOf((await obtainTokens(instance)).id_token)
  const discovered = await (await fetch(`${instance.issuer}/.well-known/openid-configuration`)).json()
  t.equal(claims['iss'], (discovered as { issuer: string }).issuer, '2: exactly the issuer of discovery')
  t.equal(claims['aud'], WEB, '3: one audience, the client_id, as a string')
  t.notOk('azp' in claims, '4: so there is no azp')
  t.match(claims['sub'], /^[\x21-\x7e]{1,255}$/, '§2: at most 255 ASCII characters')
  const subjects = [claims['sub'], claimsOf((await obtainTokens(instance)).id_token)['sub']]
  t.strictSame(subjects, [david.id, david.id], 'never another one for the same person')
})

await t.test('product.md, Tokens: good for five minutes, to the second', async (t) => {
  const { id_token } = await obtainTokens(instance)
  instance.advance(5 * MINUTE - SECOND)
  await t.resolves(validate(id_token))
  instance.advance(SECOND)
  await t.rejects(validate(id_token), { code: 'ERR_JWT_EXPIRED' })
})

await t.test('OIDC Core §3.1.2.1: nonce byte for byte, or not at all', async (t) => {
  const browser = createBrowser(instance.origin)
  for (const nonce of ['x', ' a b ', '+%2B%', '"\\/<>&\'', 'ünïcødé ☃ 🔑', '{"a":[1]}', 'n'.repeat(512), '0', 'null']) {
    const code = await obtainCode(instance, { nonce }, { browser })
    const { id_token, access_token } = tokensOf(await redeem(instance, code))
    t.equal(claimsOf(id_token)['nonce'], nonce, JSON.stringify(nonce).slice(0, 40))
    t.notOk('nonce' in claimsOf(access_token), 'and in no access token')
  }
  const without = tokensOf(await redeem(instance, await obtainCode(instance, {}, { browser })))
  t.notOk('nonce' in claimsOf(without.id_token), 'none was sent')
})

await t.test('OIDC Core §2: auth_time is when the person signed in, however late the token', async (t) => {
  const browser = createBrowser(instance.origin)
  const signedInAt = inSeconds(instance)
  const first = claimsOf((await obtainTokens(instance, {}, { browser })).id_token)
  t.equal(first['auth_time'], signedInAt)
  instance.advance(30 * MINUTE)
  const second = claimsOf((await obtainTokens(instance, {}, { browser })).id_token)
  t.strictSame([second['auth_time'], second['sid']], [signedInAt, first['sid']], 'single sign-on changes neither')
  t.equal(second['iat'], signedInAt + 30 * 60)
  const third = claimsOf((await obtainTokens(instance, { prompt: 'login' }, { browser })).id_token)
  t.strictSame(
    [third['auth_time'], third['sid']],
    [signedInAt + 30 * 60, first['sid']],
    'signing in again renews auth_time and keeps the session',
  )
  const elsewhere = claimsOf((await obtainTokens(instance)).id_token)
  t.not(elsewhere['sid'], first['sid'], 'another browser is another session')
})

await t.test('OIDC Core §12.2: the ID token of a refresh', async (t) => {
  const first = await obtainTokens(instance, { nonce: 'first', scope: 'openid offline_access read' })
  instance.advance(45 * MINUTE)
  const second = tokensOf(await refresh(instance, first.refresh_token))
  const [before, { payload: after }] = [claimsOf(first.id_token), await validate(second.id_token)]
  for (const claim of ['iss', 'sub', 'aud', 'auth_time', 'sid', 'acr', 'amr', 'idp'])
    t.same(after[claim], before[claim], claim)
  t.strictSame(namesOf(after), REQUIRED, 'neither nonce nor azp')
  t.equal(after.iat, inSeconds(instance), 'iat is the time of the new token')
  t.equal(after.exp, inSeconds(instance) + 300)
  t.equal(after['at_hash'], leftHalf(second.access_token))
  const narrowed = tokensOf(await refresh(instance, second.refresh_token, { scope: 'read' }))
  t.equal(narrowed.id_token, '', 'none where the refresh leaves openid out')
})

await t.test('OIDC Core §3.1.2.1: without openid there is no ID token', async (t) => {
  for (const scope of ['read', 'profile email read', 'offline_access update']) {
    const response = await redeem(instance, await obtainCode(instance, { scope, nonce: 'n' }))
    t.notOk('id_token' in (response.json as object), scope)
  }
})

await t.test('a Public app is an audience like any other', async (t) => {
  const code = await obtainCode(instance, { client_id: SPA, redirect_uri: SPA_REDIRECT, nonce: 'spa', ...PKCE })
  const fields = { client_id: SPA, redirect_uri: SPA_REDIRECT, code_verifier: VERIFIER }
  const { id_token } = tokensOf(await redeem(instance, code, fields, {}))
  t.match((await validate(id_token, { audience: SPA })).payload, { aud: SPA, nonce: 'spa' })
  await t.rejects(
    validate(id_token),
    { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'aud' },
    'and no other app accepts its token',
  )
})

await t.test('OIDC Core §3.3.2.11, §3.3.3.6: code id_token', async (t) => {
  const request = { client_id: HYBRID, redirect_uri: HYBRID_REDIRECT, nonce: 'both', scope: 'openid profile' }
  const answer = answerOf(await authorize(instance, { ...request, response_type: 'code id_token' }))
  const code = answer.get('code') ?? ''
  const { payload: front } = await jwtVerify(
    answer.get('id_token') ?? '',
    createLocalJWKSet(
      (await (await fetch(`${instance.issuer}/.well-known/openid-configuration/jwks`)).json()) as JSONWebKeySet,
    ),
    { audience: HYBRID, currentDate: new Date(instance.now()) },
  )
  t.equal(front['c_hash'], leftHalf(code))
  t.notOk('at_hash' in front)
  const tokens = tokensOf(await redeem(instance, code, { redirect_uri: HYBRID_REDIRECT }, basic(HYBRID)))
  const { payload: back } = await validate(tokens.id_token, { audience: HYBRID })
  for (const claim of ['iss', 'sub', 'aud', 'auth_time', 'sid', 'acr', 'nonce'])
    t.same(back[claim], front[claim], claim)
  t.equal(back['at_hash'], leftHalf(tokens.access_token))
  t.notOk('c_hash' in back)
})

await t.test('RFC 8725 §3.11: an ID token is not an access token', async (t) => {
  const { id_token, access_token } = await obtainTokens(instance)
  const told = await userinfo(instance, id_token)
  t.equal(told.status, 401)
  await t.rejects(validate(access_token), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'typ' })
})

await t.test('OIDC Core §3.1.3.6: at_hash is as strong as the signature', async (t) => {
  for (const [algorithm, hash] of [
    ['ES256', 'sha256'],
    ['PS256', 'sha256'],
    ['EdDSA', 'sha512'],
  ] as const) {
    await t.test(algorithm, async (t) => {
      const { instance: other } = await startWorld(t, { TESSERA_SIGNING_ALGORITHM: algorithm })
      const { id_token, access_token } = await obtainTokens(other)
      const { protectedHeader, payload } = await validate(id_token, { of: other })
      t.equal(protectedHeader.alg, algorithm)
      t.equal(payload['at_hash'], leftHalf(access_token, hash))
    })
  }
})

await t.test('compatibility: sub as the login, the same in both tokens and UserInfo', async (t) => {
  const { instance: other } = await startWorld(t, { TESSERA_COMPAT_SUBJECT_LOGIN: 'true' })
  const { id_token, access_token } = await obtainTokens(other)
  const claimed = await userinfo(other, access_token)
  const { sub } = claimed.json
  t.strictSame([claimsOf(id_token)['sub'], claimsOf(access_token)['sub'], sub], ['david', 'david', 'david'])
})
