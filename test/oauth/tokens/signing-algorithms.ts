// SQLite alone: is about signatures and claims, which are judged before a database is asked
import { createHash } from 'node:crypto'
import { createRemoteJWKSet, decodeProtectedHeader, type JWTVerifyResult, jwtVerify } from 'jose'
import t from 'tap'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../../../src/domain/protocol/signing-algorithm.ts'
import { documentOf, tesseraOn } from '../../fixtures/cli/cli.ts'
import { answerOf, authorize, redeem, refresh } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, introspect, requestToken, serviceToken, userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { SECRET } from '../../fixtures/instance/instance.ts'
import { SYNC, startWorld, WEB } from '../../fixtures/instance/world.ts'
import { startApiOn } from '../../fixtures/resource-server/api-on-instance.ts'
import { REPORTS, REPORTS_API, startReports } from '../../fixtures/resource-server/reports.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { query } from '../../fixtures/store/database.ts'
import { changeApp } from '../../fixtures/tokens/reference-tokens.ts'

const HASHES: Readonly<Record<SigningAlgorithm, string>> = {
  RS256: 'sha256',
  PS256: 'sha256',
  ES256: 'sha256',
  // The hash of Ed25519 itself. RFC 8032 §5.1
  EdDSA: 'sha512',
}
const REDIRECT = 'https://signed.example.com/cb'
const BYE = 'https://signed.example.com/bye'
const SCOPE = 'openid profile offline_access reports.read'

const { instance, david, service } = await startReports(t)
const { issuer } = instance
const jwksUri = `${issuer}/.well-known/openid-configuration/jwks`
const keys = createRemoteJWKSet(new URL(jwksUri), { cooldownDuration: 0 })
const appOf = (algorithm: string): string => `my.trusted.app/${algorithm}`

for (const signingAlgorithm of SIGNING_ALGORITHMS)
  await instance.addApp({
    applicationUri: appOf(signingAlgorithm),
    signingAlgorithm,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [REDIRECT],
    impersonateLogoutUrl: [BYE],
    responseTypes: ['code', 'code id_token'],
    systemUserAllowed: true,
    systemUser: service.id,
    scope: ['read', 'reports.read'],
    apiResources: [REPORTS],
    requireConsent: false,
  })

const leftHalf = (value: string, hash: string): string => {
  const digest = createHash(hash).update(value).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

const verify = (jwt: string, audience: string, typ: string): Promise<JWTVerifyResult> =>
  jwtVerify(jwt, keys, { issuer, audience, typ, currentDate: new Date(instance.now()) })

/** Somebody signs in at an app by `code id_token`: everything that is signed for it, and the browser. */
async function signInAt(app: string) {
  const browser = createBrowser(instance.origin)
  const asked = { client_id: app, redirect_uri: REDIRECT, scope: SCOPE, response_type: 'code id_token', nonce: 'n-1' }
  const answer = answerOf(await authorize(instance, asked, { browser }))
  const code = answer.get('code') ?? ''
  const tokens = tokensOf(await redeem(instance, code, { redirect_uri: REDIRECT }, basic(app)))
  return { browser, code, front: answer.get('id_token') ?? '', tokens }
}

const algOf = (jwt: string) => decodeProtectedHeader(jwt).alg

const askSigned = async (token: string, app: string): Promise<string> => {
  const accept = { accept: 'application/token-introspection+jwt' }
  return (await introspect({ issuer }, token, { ...basic(app), ...accept })).text
}

const asItself = async (app: string): Promise<string> => await serviceToken({ issuer }, app, 'reports.read')

for (const algorithm of SIGNING_ALGORITHMS) {
  await t.test(`SigningAlgorithm ${algorithm}: everything that is signed for the app`, async (t) => {
    const app = appOf(algorithm)
    const { browser, code, front, tokens } = await signInAt(app)
    const { access_token, id_token, refresh_token } = tokens

    const first = await verify(front, app, 'JWT')
    const second = await verify(id_token, app, 'JWT')
    const access = await verify(access_token, REPORTS, 'at+jwt')
    for (const { protectedHeader } of [first, second, access]) t.equal(protectedHeader.alg, algorithm)
    t.equal(first.payload['c_hash'], leftHalf(code, HASHES[algorithm]), 'OIDC Core §3.3.2.11: c_hash')
    t.equal(second.payload['at_hash'], leftHalf(access_token, HASHES[algorithm]), 'OIDC Core §3.1.3.6: at_hash')
    t.strictSame([first.payload.sub, second.payload.sub, access.payload.sub], [david.id, david.id, david.id])

    const told = await verify(await askSigned(access_token, app), app, 'token-introspection+jwt')
    t.equal(told.protectedHeader.alg, algorithm)
    t.match(told.payload['token_introspection'], { active: true, client_id: app })
    const next = tokensOf(await refresh(instance, refresh_token, {}, basic(app)))
    t.strictSame([algOf(next.id_token), algOf(next.access_token)], [algorithm, algorithm], 'and what a refresh gives')
    const own = await verify(await asItself(app), REPORTS, 'at+jwt')
    t.strictSame([own.protectedHeader.alg, own.payload.sub], [algorithm, app], 'and a service token')

    const claimed = await userinfo({ issuer }, access_token)
    t.match(claimed.json, { sub: david.id, name: 'David Miller' }, 'the server believes its own token')
    const api = await startApiOn(t, instance, { audience: REPORTS, clientId: REPORTS_API })
    t.match(await api.call(access_token, '/reports'), { status: 200, body: { clientId: app, subject: david.id } })

    const silent = authorizeUrl(instance, {
      ...{ client_id: app, redirect_uri: REDIRECT, prompt: 'none', id_token_hint: id_token, scope: 'openid' },
    })
    t.match((await browser.open(silent)).leftTo?.search, /[?&]code=/, 'id_token_hint: the person who is signed in')
    const out = new URLSearchParams({ id_token_hint: id_token, post_logout_redirect_uri: BYE })
    t.equal((await browser.open(`${issuer}/connect/endsession?${out}`)).leftTo?.href, BYE, 'and at the sign-out')
  })
}

await t.test('the keys of all stand side by side, the one of the instance first', async (t) => {
  const { keys } = (await (await fetch(jwksUri)).json()) as { keys: Record<string, string>[] }
  t.equal(keys[0]?.['alg'], 'RS256')
  t.strictSame(keys.map(({ alg }) => alg).sort(), [...SIGNING_ALGORITHMS].sort(), 'one each')
  t.equal(new Set(keys.map(({ kid }) => kid)).size, keys.length, 'RFC 7517 §4.5: unique ids')
  const members = {
    ...{ RS256: ['e', 'n'], PS256: ['e', 'n'], ES256: ['crv', 'x', 'y'], EdDSA: ['crv', 'x'] },
  } as const satisfies Record<SigningAlgorithm, readonly string[]>
  for (const key of keys) {
    const expected = ['alg', 'kid', 'kty', 'use', ...members[key['alg'] as SigningAlgorithm]].sort()
    t.strictSame(Object.keys(key).sort(), expected, 'public members only')
    t.equal(key['use'], 'sig')
  }
  const [row] = await query<{ keys: number }>(instance, 'select count(*) as keys from signing_keys')
  t.equal(Number(row?.keys), SIGNING_ALGORITHMS.length)
})

await t.test('requests that come at once for an algorithm without a key share one', async (t) => {
  const { instance: other } = await startWorld(t)
  await changeApp(other, SYNC, { signingAlgorithm: 'PS256' })
  const kids = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const fields = { grant_type: 'client_credentials' }
      const { access_token } = tokensOf(await requestToken(other, fields, basic(SYNC)))
      return decodeProtectedHeader(access_token).kid
    }),
  )
  t.equal(new Set(kids).size, 1)
  const rows = await query(other, "select kid from signing_keys where algorithm = 'PS256'")
  t.strictSame(rows, [{ kid: kids[0] }])
})

await t.test('a key of one algorithm verifies no other: RFC 8725 §3.1', async (t) => {
  const { tokens } = await signInAt(appOf('PS256'))
  const [, payload, signature] = tokens.access_token.split('.')
  const { kid } = decodeProtectedHeader(tokens.access_token)
  for (const alg of ['RS256', 'ES256', 'HS256', 'none']) {
    const header = Buffer.from(JSON.stringify({ alg, typ: 'at+jwt', kid })).toString('base64url')
    const forged = `${header}.${payload}.${alg === 'none' ? '' : signature}`
    t.equal((await userinfo({ issuer }, forged)).status, 401, alg)
  }
})

await t.test(
  'another algorithm in the record counts from the next token on, and what was signed before is good',
  async (t) => {
    const tessera = tesseraOn(instance)
    const app = appOf('ES256')
    const set = async (value: string) =>
      (await tessera(['app', 'update', app, '--set', `SigningAlgorithm=${value}`])).code
    const before = await signInAt(app)
    t.equal(await set('EdDSA'), 0)
    t.equal((await documentOf(tessera(['app', 'show', app, '--json'])))['SigningAlgorithm'], 'EdDSA')
    const after = tokensOf(await refresh(instance, before.tokens.refresh_token, {}, basic(app)))
    t.strictSame([algOf(before.tokens.access_token), algOf(after.access_token)], ['ES256', 'EdDSA'])
    for (const { access_token } of [before.tokens, after])
      t.equal((await userinfo({ issuer }, access_token)).status, 200)
    t.equal(await set(''), 0)
    t.equal((await documentOf(tessera(['app', 'show', app, '--json'])))['SigningAlgorithm'], null)
    t.equal(algOf(await asItself(app)), 'RS256', "nothing is the instance's own")
    for (const wrong of ['none', 'HS256', 'RS512', 'ML-DSA-44']) {
      const { code, stderr } = await tessera(['app', 'update', app, '--set', `SigningAlgorithm=${wrong}`])
      t.equal(code, 2, wrong)
      t.match(stderr, "SigningAlgorithm: expects one of RS256, PS256, ES256, EdDSA, or nothing for the instance's own")
    }
  },
)

await t.test('OIDC Discovery §3: RS256 is there whatever the instance signs with', async (t) => {
  const { instance: other } = await startWorld(t, { TESSERA_SIGNING_ALGORITHM: 'EdDSA' })
  await changeApp(other, WEB, { signingAlgorithm: 'RS256' })
  const metadata = (await (await fetch(`${other.issuer}/.well-known/openid-configuration`)).json()) as {
    [name: string]: string[] | undefined
  }
  for (const kind of ['id_token', 'userinfo', 'introspection'])
    t.strictSame(metadata[`${kind}_signing_alg_values_supported`], SIGNING_ALGORITHMS, kind)
  const { keys } = (await (await fetch(String(metadata['jwks_uri']))).json()) as { keys: { alg: string }[] }
  t.strictSame(
    keys.map(({ alg }) => alg),
    ['EdDSA', 'RS256'],
  )
  const fields = { grant_type: 'client_credentials', client_id: SYNC, client_secret: SECRET }
  t.equal(algOf(tokensOf(await requestToken(other, fields)).access_token), 'EdDSA')
  const tokens = tokensOf(
    await redeem(other, answerOf(await authorize(other, { scope: 'openid read' })).get('code') ?? ''),
  )
  t.strictSame([algOf(tokens.id_token), algOf(tokens.access_token)], ['RS256', 'RS256'])
})
