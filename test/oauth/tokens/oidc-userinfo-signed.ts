// SQLite alone: is about signatures and claims, which are judged before a database is asked
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { SIGNING_ALGORITHMS } from '../../../src/domain/protocol/signing-algorithm.ts'
import { refused } from '../../fixtures/answers/refusals.ts'
import { documentOf, tesseraOn } from '../../fixtures/cli/cli.ts'
import { obtainTokens } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, introspect } from '../../fixtures/clients/endpoints.ts'
import { bearer, send } from '../../fixtures/clients/http.ts'
import { startWorld, WEB, WEB_BYE, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { changeApp } from '../../fixtures/tokens/reference-tokens.ts'

const { instance, david } = await startWorld(t)
const { issuer } = instance
const userinfo = `${issuer}/connect/userinfo`
const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/openid-configuration/jwks`), { cooldownDuration: 0 })
const browser = createBrowser(instance.origin)
const { access_token, id_token } = await obtainTokens(instance, {}, { browser })
const plain = (await send(userinfo, { headers: bearer(access_token) })).json as Record<string, unknown>

const ask = async (): Promise<string> => (await send(userinfo, { headers: bearer(access_token) })).text

await t.test('nothing in the record: plain JSON', async (t) => {
  const response = await send(userinfo, { headers: bearer(access_token) })
  t.equal(response.headers.get('content-type'), 'application/json; charset=utf-8')
  t.match(plain, { sub: david.id, name: 'David Miller', email: 'david@example.com' })
})

for (const algorithm of SIGNING_ALGORITHMS)
  await t.test(`OIDC Core §5.3.2: ${algorithm}, with iss and aud`, async (t) => {
    await changeApp(instance, WEB, { userinfoSignedResponseAlg: algorithm })
    const form = { headers: { ...bearer(access_token), 'content-type': 'application/x-www-form-urlencoded' } }
    for (const [method, options] of Object.entries({ GET: { headers: bearer(access_token) }, POST: form })) {
      const response = await send(userinfo, { method, ...options })
      t.equal(response.status, 200, method)
      t.equal(response.headers.get('content-type'), 'application/jwt', method)
      t.equal(response.headers.get('cache-control'), 'no-store', method)
      const { payload, protectedHeader } = await jwtVerify(response.text, keys, { issuer, audience: WEB })
      t.match(protectedHeader, { alg: algorithm, kid: String, typ: 'JWT' })
      t.strictSame(payload, { ...plain, iss: issuer, aud: WEB }, 'the same claims as in plain JSON, and these two')
    }
  })

await t.test('its algorithm is its own: tokens keep theirs', async (t) => {
  await changeApp(instance, WEB, { signingAlgorithm: 'ES256', userinfoSignedResponseAlg: 'EdDSA' })
  const { id_token, access_token } = await obtainTokens(instance)
  const jwt = (await send(userinfo, { headers: bearer(access_token) })).text
  t.strictSame(
    [id_token, access_token, jwt].map((one) => decodeProtectedHeader(one).alg),
    ['ES256', 'ES256', 'EdDSA'],
  )
})

await t.test('a refusal is JSON as ever', async (t) => {
  await changeApp(instance, WEB, { userinfoSignedResponseAlg: 'RS256' })
  refused(t, instance, await send(userinfo, { headers: bearer('unknown') }), {
    status: 401,
    error: 'invalid_token',
    description: 'the access token is unknown, expired or revoked',
  })
})

await t.test('RFC 8725 §3.11: it passes for no token', async (t) => {
  const jwt = await ask()
  t.equal((await send(userinfo, { headers: bearer(jwt) })).status, 401, 'not for an access token')
  const told = await introspect({ issuer }, jwt)
  t.strictSame(told.json, { active: false })
  const silent = (hint: string) =>
    browser.open(
      authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'none', id_token_hint: hint }),
    )
  t.match((await silent(jwt)).leftTo?.search, /[?&]error=/, 'nor for an ID token that names somebody')
  t.match((await silent(id_token)).leftTo?.search, /[?&]code=/)
  const out = new URLSearchParams({ id_token_hint: jwt, post_logout_redirect_uri: WEB_BYE })
  t.notOk((await browser.open(`${issuer}/connect/endsession?${out}`)).leftTo, 'nor at the sign-out')
})

await t.test('UserinfoSignedResponseAlg on the command line, and back to nothing', async (t) => {
  const tessera = tesseraOn(instance)
  const set = (value: string) => tessera(['app', 'update', WEB, '--set', `UserinfoSignedResponseAlg=${value}`])
  t.equal((await set('PS256')).code, 0)
  t.equal((await documentOf(tessera(['app', 'show', WEB, '--json'])))['UserinfoSignedResponseAlg'], 'PS256')
  t.equal(decodeProtectedHeader(await ask()).alg, 'PS256')
  t.equal((await set('')).code, 0)
  t.strictSame(JSON.parse(await ask()), plain)
  const { code, stderr } = await set('none')
  t.equal(code, 2)
  t.match(stderr, 'UserinfoSignedResponseAlg: expects one of RS256, PS256, ES256, EdDSA, or nothing for plain JSON')
})
