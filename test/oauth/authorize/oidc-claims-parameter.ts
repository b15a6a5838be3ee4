import t from 'tap'
import { answerOf, authorize, obtainCode, obtainTokens, redeem, refresh } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, userinfo } from '../../fixtures/clients/endpoints.ts'
import { basic } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'

const { instance, david, anna } = await startWorld(t)
const asking = (claims: unknown) => ({ claims: JSON.stringify(claims) })
const refusal = async (claims: string, more: Readonly<Record<string, string>> = {}) => {
  const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, state: 's', claims, ...more })
  const { error, error_description } = Object.fromEntries(answerOf(await createBrowser(instance.origin).open(url)))
  return { error, error_description }
}

await t.test('OIDC Core §5.5: a claim asked for by name is where it was asked for, and nowhere else', async (t) => {
  const claims = {
    userinfo: { name: { essential: true } },
    id_token: { email: null, given_name: { value: 'Somebody' } },
  }
  const tokens = await obtainTokens(instance, { scope: 'openid', ...asking(claims) })
  t.strictSame((await userinfo(instance, tokens.access_token)).json, { sub: david.id, name: 'David Miller' })
  const { email, given_name, ...rest } = claimsOf(tokens.id_token)
  t.strictSame([email, given_name], ['david@example.com', 'David'])
  t.notOk('name' in rest)
  t.notOk('name' in claimsOf(tokens.access_token), 'what an API reads stays as the scope says')
})

await t.test('OIDC Core §12: a refresh keeps what was asked for', async (t) => {
  const claims = { userinfo: { name: null }, id_token: { email: null } }
  const first = await obtainTokens(instance, { scope: 'openid offline_access', ...asking(claims) })
  const second = tokensOf(await refresh(instance, first.refresh_token))
  t.strictSame((await userinfo(instance, second.access_token)).json, { sub: david.id, name: 'David Miller' })
  t.equal(claimsOf(second.id_token)['email'], 'david@example.com')
})

await t.test('OIDC Core §5.5.1: what is not known is ignored, and what has no value is left out', async (t) => {
  const claims = {
    userinfo: {
      nickname_of_the_cat: null,
      is_admin: { essential: true },
      __proto__: null,
      toString: null,
      phone_number: null,
    },
    other_place: { name: null },
    id_token: { auth_time: { essential: true }, acr: { values: ['urn:tessera:pwd', 'other'], essential: true } },
  }
  const code = await obtainCode(instance, { scope: 'openid', ...asking(claims) }, { login: 'anna' })
  const tokens = tokensOf(await redeem(instance, code, {}, basic(WEB)))
  t.strictSame((await userinfo(instance, tokens.access_token)).json, { sub: anna.id }, 'anna has no phone number')
  t.ok(claimsOf(tokens.id_token)['auth_time'])
})

await t.test('OIDC Core §5.5.1: a sub that is asked for is who must sign in', async (t) => {
  const claims = { id_token: { sub: { value: anna.id } } }
  const wrong = await authorize(instance, { ...asking(claims), state: 's' })
  t.match(Object.fromEntries(answerOf(wrong)), { error: 'login_required', state: 's' }, 'david signed in')
  t.ok(answerOf(await authorize(instance, asking(claims), { login: 'anna' })).get('code'))
})

await t.test('what is asked for by name is consented to like the scope that stands for it', async (t) => {
  const browser = createBrowser(instance.origin)
  const url = authorizeUrl(instance, {
    client_id: WEB,
    redirect_uri: WEB_REDIRECT,
    ...asking({ userinfo: { name: null } }),
  })
  await instance.addUser({ login: 'fresh', name: 'Fresh Person' })
  const login = await browser.open(url)
  const view = await browser.submit(login, 'login-submit', {
    username: 'fresh',
    password: 'correct horse battery staple',
  })
  t.match(view.text, 'See your profile')
  t.notMatch(view.text, 'See your email')
})

await t.test('OIDC Core §5.5: what is no such JSON object is refused', async (t) => {
  const error = 'invalid_request'
  const error_description = 'claims is not a JSON object as described in OpenID Connect Core 5.5'
  for (const claims of [
    'x',
    '[]',
    '"userinfo"',
    '1',
    'null',
    '{"userinfo":[]}',
    '{"id_token":"name"}',
    '{"userinfo":{"name":1}}',
    '{"id_token":{"acr":{"essential":true,"values":{}}}}',
    '{"id_token":{"acr":{"essential":true,"values":{"toString":1}}}}',
    '{"id_token":{"acr":{"essential":true,"values":[{"toString":1}]}}}',
    '{"id_token":{"acr":{"essential":true,"value":{"toString":1}}}}',
    '{"id_token":{"acr":{"values":"0"}}}',
    '{"id_token":{"acr":{"essential":"true"}}}',
    '{"userinfo":{"sub":{"value":[]}}}',
    '{"userinfo":{"sub":{"values":[1]}}}',
    '{"userinfo":{"name":{"values":{}}}}',
    '{"userinfo":{"made_up":{"essential":1}}}',
    '{',
  ])
    t.strictSame(await refusal(claims), { error, error_description }, claims)
  t.match(await refusal(`{"userinfo":{"${'x'.repeat(5000)}":null}}`), { error })
  const strong = JSON.stringify({ id_token: { acr: { essential: true, values: ['urn:example:gold'] } } })
  t.match(await refusal(strong), { error: 'access_denied' }, '§5.5.1.1: an essential acr that cannot be met')
})
