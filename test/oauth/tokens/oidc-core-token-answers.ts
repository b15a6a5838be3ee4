import t from 'tap'
import { SECOND } from '../../../src/lib/time/clock.ts'
import { obtainCode, redeem, refresh } from '../../fixtures/clients/code-flow.ts'
import { requestToken, userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { HYBRID, startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'

const { instance, david } = await startWorld(t)
await instance.addApp({
  applicationUri: 'my.trusted.app/opaque',
  accessTokenFormat: 'reference',
  impersonateAsInternalUserAllowed: true,
  impersonateLoginUrl: [WEB_REDIRECT],
})
const SCOPE = 'openid profile offline_access'

/** Bits, were every character drawn as often as in this very text. @see RFC 6749 §10.10 */
function entropyOf(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  const perCharacter = [...counts.values()].reduce((sum, n) => sum - (n / text.length) * Math.log2(n / text.length), 0)
  return perCharacter * text.length
}

await t.test('RFC 6749 §10.10, E36: what is secret cannot be guessed', async (t) => {
  for (const client_id of [WEB, 'my.trusted.app/opaque']) {
    const code = await obtainCode(instance, { client_id, scope: SCOPE })
    const { access_token, refresh_token } = tokensOf(await redeem(instance, code, {}, basic(client_id)))
    for (const [name, value] of Object.entries({ code, access_token, refresh_token })) {
      t.ok(entropyOf(value) > 128, `${name}: ${Math.floor(entropyOf(value))} bits`)
      t.match(value, /^[\w.-]{32,}$/, name)
    }
  }
})

await t.test('RFC 6749 §2.3.1, §5.1, Core §3.1.3.3, E37 to E39: the answer with tokens', async (t) => {
  const secret = { client_id: WEB, client_secret: 'test-secret-of-the-app-0123456789abcdef' }
  for (const [fields, headers] of [
    [{}, basic(WEB)],
    [secret, {}],
  ] as const) {
    const response = await redeem(instance, await obtainCode(instance, { scope: SCOPE }), fields, headers)
    t.strictSame([response.status, response.headers.get('cache-control')], [200, 'no-store'])
    t.match(response.headers.get('content-type'), /^application\/json(;|$)/)
    const answer = response.json as Record<string, unknown>
    t.match(answer, { token_type: 'Bearer', id_token: String, access_token: String, scope: SCOPE })
    const expiresIn = answer['expires_in']
    t.ok(Number.isInteger(expiresIn) && Number(expiresIn) > 0 && Number(expiresIn) <= 31_536_000)
    const again = await refresh(instance, String(answer['refresh_token']))
    t.strictSame([again.status, again.headers.get('cache-control')], [200, 'no-store'], 'E39')
  }
})

await t.test(
  'RFC 6749 §4.1.2, E40, E41: a code used again, at once or after 30 seconds, ends its tokens',
  async (t) => {
    for (const later of [0, 30 * SECOND]) {
      const code = await obtainCode(instance)
      const { access_token } = tokensOf(await redeem(instance, code))
      instance.advance(later)
      t.equal((await userinfo(instance, access_token)).status, 200)
      const again = await redeem(instance, code)
      t.strictSame([again.status, (again.json as { error: string }).error], [400, 'invalid_grant'])
      t.match(again.headers.get('content-type'), /^application\/json(;|$)/)
      t.equal((await userinfo(instance, access_token)).status, 401)
    }
  },
)

await t.test('Core §12, E42: refreshing with and without scope, and the ID token that comes of it', async (t) => {
  for (const fields of [{}, { scope: SCOPE }]) {
    const first = tokensOf(await redeem(instance, await obtainCode(instance, { scope: SCOPE, nonce: 'n' })))
    instance.advance(2 * SECOND)
    const second = tokensOf(await refresh(instance, first.refresh_token, fields))
    t.equal((await userinfo(instance, second.access_token)).status, 200)
    const [before, after] = [claimsOf(first.id_token), claimsOf(second.id_token)]
    for (const name of ['iss', 'sub', 'aud', 'auth_time', 'azp']) t.strictSame(after[name], before[name], name)
    t.equal(Number(after['iat']), Number(before['iat']) + 2)
  }
})

await t.test("RFC 6749 §6, E43: another app's refresh token", async (t) => {
  const { refresh_token } = tokensOf(await redeem(instance, await obtainCode(instance, { scope: SCOPE })))
  const response = await requestToken(instance, { grant_type: 'refresh_token', refresh_token }, basic(HYBRID))
  t.match(response.headers.get('content-type'), /^application\/json(;|$)/)
  t.strictSame([response.status, (response.json as { error: string }).error], [400, 'invalid_grant'])
})

await t.test('Core §2, F46: what every ID token says, and how', async (t) => {
  const claims = claimsOf(tokensOf(await redeem(instance, await obtainCode(instance))).id_token)
  const seconds = instance.now() / 1000
  t.match(claims, { iss: instance.issuer, aud: WEB, sub: david.id, iat: seconds, auth_time: seconds })
  t.match(claims, { acr: /^\S+$/, exp: seconds + 300 })
  t.match(claims['sub'], /^[\x21-\x7e]{1,255}$/)
})
