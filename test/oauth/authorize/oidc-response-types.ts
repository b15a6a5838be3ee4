// SQLite alone: is about how answers are sent to an app; consent.ts and single-use.ts ask both databases for them
import { createHash } from 'node:crypto'
import t from 'tap'
import { ALL_RESPONSE_TYPES, RESPONSE_TYPES } from '../../../src/domain/apps/app-choices.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { answerOf, authorize, redeem } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, revoke, userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'

const { instance, david } = await startWorld(t, { TESSERA_IMPLICIT: 'true' })
const APP = 'my.trusted.app/implicit'
const REDIRECT = 'https://implicit.example.com/cb'
await instance.addApp({
  applicationUri: APP,
  impersonateAsInternalUserAllowed: true,
  impersonateLoginUrl: [REDIRECT],
  scope: ['read'],
  responseTypes: ALL_RESPONSE_TYPES,
})
const SCOPE = 'openid profile email read'

const answer = async (response_type: string, more: Readonly<Record<string, string>> = {}) => {
  const asked = { client_id: APP, redirect_uri: REDIRECT, response_type, scope: SCOPE, nonce: 'n-1', ...more }
  const view = await authorize(instance, asked)
  t.equal(view.leftTo?.search, '', 'nothing in the query')
  return Object.fromEntries(answerOf(view)) as Record<string, string>
}
const leftHalf = (value = ''): string =>
  createHash('sha256').update(value, 'ascii').digest().subarray(0, 16).toString('base64url')

for (const [type, names, hashes] of [
  ['code id_token', ['code', 'id_token'], ['c_hash']],
  ['id_token', ['id_token'], []],
  ['id_token token', ['access_token', 'expires_in', 'id_token', 'scope', 'token_type'], ['at_hash']],
  ['code token', ['access_token', 'code', 'expires_in', 'scope', 'token_type'], []],
  [
    'code id_token token',
    ['access_token', 'code', 'expires_in', 'id_token', 'scope', 'token_type'],
    ['at_hash', 'c_hash'],
  ],
] as const) {
  await t.test(`Multiple Response Types §3, §5: ${type}`, async (t) => {
    const parameters = await answer(type.split(' ').reverse().join(' '))
    t.strictSame(
      Object.keys(parameters).sort(),
      [...names, 'session_state', 'iss'].sort(),
      'the order of the words does not matter',
    )
    const { code, id_token, access_token, token_type, expires_in } = parameters
    if (id_token !== undefined) {
      const { at_hash, c_hash, nonce, sub } = claimsOf(id_token)
      t.strictSame({ nonce, sub }, { nonce: 'n-1', sub: david.id })
      const expected = { at_hash: leftHalf(access_token), c_hash: leftHalf(code) }
      t.equal(at_hash, hashes.some((name) => name === 'at_hash') ? expected.at_hash : undefined)
      t.equal(c_hash, hashes.some((name) => name === 'c_hash') ? expected.c_hash : undefined)
    }
    if (access_token !== undefined) {
      t.strictSame([token_type, expires_in], ['Bearer', '3600'])
      t.match((await userinfo(instance, access_token)).json, { sub: david.id, name: 'David Miller' })
    }
    if (code === undefined) return
    const tokens = tokensOf(await redeem(instance, code, { redirect_uri: REDIRECT }, basic(APP)))
    t.match(claimsOf(tokens.id_token), { sub: david.id, nonce: 'n-1' })
    if (access_token === undefined) return
    t.equal((await userinfo(instance, access_token)).status, 200, 'both tokens live')
    t.equal((await redeem(instance, code, { redirect_uri: REDIRECT }, basic(APP))).status, 400)
    for (const token of [access_token, tokens.access_token])
      t.equal((await userinfo(instance, token)).status, 401, 'RFC 6749 §4.1.2: a code used twice ends them')
  })
}

await t.test(
  'OIDC Core §5.4: claims are in the ID token where no access token can fetch them, and nowhere else',
  async (t) => {
    const alone = claimsOf((await answer('id_token'))['id_token'] ?? '')
    t.match(alone, { name: 'David Miller', email: 'david@example.com' })
    t.notOk('phone_number' in alone, 'as far as the scope goes')
    t.notOk('name' in claimsOf((await answer('id_token token'))['id_token'] ?? ''))
  },
)

await t.test('OIDC Core §11: offline_access counts only where a code is answered', async (t) => {
  const withToken = await answer('id_token token', { scope: `${SCOPE} offline_access` })
  t.equal(withToken['scope'], SCOPE)
  const { code } = await answer('code token', { scope: `${SCOPE} offline_access`, prompt: 'consent' })
  t.ok(tokensOf(await redeem(instance, code ?? '', { redirect_uri: REDIRECT }, basic(APP))).refresh_token)
})

await t.test('OIDC Core §3.2.2.1, §3.3.2.11: a nonce is needed for an ID token, and for nothing else', async (t) => {
  const browser = createBrowser(instance.origin)
  for (const response_type of ALL_RESPONSE_TYPES.filter((type) => type.includes('id_token'))) {
    const view = await browser.open(
      authorizeUrl(instance, { client_id: APP, redirect_uri: REDIRECT, response_type, scope: SCOPE, state: 's' }),
    )
    t.match(Object.fromEntries(answerOf(view)), { error: 'invalid_request', state: 's' }, response_type)
    t.equal(view.leftTo?.search, '', 'the error is in the fragment')
  }
  t.ok((await answer('code token', { nonce: '' }))['access_token'])
})

await t.test(
  'a revoked access token of the answer ends itself, and what follows a revoked sign-in is refused',
  async (t) => {
    const { access_token = '', code = '' } = await answer('code token')
    await revoke(instance, access_token, basic(APP))
    t.equal((await userinfo(instance, access_token)).status, 401)
    const tokens = tokensOf(await redeem(instance, code, { redirect_uri: REDIRECT }, basic(APP)))
    t.equal((await userinfo(instance, tokens.access_token)).status, 200)

    const second = await answer('code token')
    const family = String(claimsOf(second['access_token'] ?? '')['jti']).split('.')[1] ?? ''
    await instance.core.store.write(({ families }) => families.revoke(family, instance.now()))
    const refused = await redeem(instance, second['code'] ?? '', { redirect_uri: REDIRECT }, basic(APP))
    t.match(refused.json, { error: 'invalid_grant' })
  },
)

await t.test('a Public app needs PKCE for a code alone', async (t) => {
  const SPA = 'my.trusted.app/old-spa'
  await instance.addApp({
    applicationUri: SPA,
    clientType: 'Public',
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [REDIRECT],
    responseTypes: ['id_token token', 'code token'],
  })
  const asked = { client_id: SPA, scope: 'openid' }
  t.ok((await answer('id_token token', asked))['access_token'])
  const url = authorizeUrl(instance, { ...asked, redirect_uri: REDIRECT, response_type: 'code token' })
  const refused = answerOf(await createBrowser(instance.origin).open(url))
  t.equal(refused.get('error_description'), 'parameter is missing: code_challenge (this app must use PKCE)')
})

await t.test('discovery tells what is offered; the switch and the record decide together', async (t) => {
  const metadata = async (issuer: string) =>
    (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Record<string, unknown>
  matchesWhole(t, await metadata(instance.issuer), {
    response_types_supported: ALL_RESPONSE_TYPES,
    grant_types_supported: [...'authorization_code refresh_token client_credentials'.split(' '), 'implicit'],
  })
  const unlisted = authorizeUrl(instance, {
    client_id: WEB,
    redirect_uri: WEB_REDIRECT,
    response_type: 'id_token',
    nonce: 'n',
  })
  t.equal(answerOf(await createBrowser(instance.origin).open(unlisted)).get('error'), 'unauthorized_client')

  const { instance: usual } = await startWorld(t)
  t.match(await metadata(usual.issuer), { response_types_supported: RESPONSE_TYPES })
  await usual.addApp({
    applicationUri: APP,
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [REDIRECT],
    responseTypes: ALL_RESPONSE_TYPES,
  })
  const asked = { client_id: APP, redirect_uri: REDIRECT, response_type: 'id_token token', nonce: 'n' }
  const refused = answerOf(await createBrowser(usual.origin).open(authorizeUrl(usual, asked)))
  t.equal(refused.get('error'), 'unsupported_response_type', 'off unless the operator says so')
})
