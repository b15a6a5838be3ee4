import t from 'tap'
import { RESOURCE_DEFAULTS } from '../../../src/domain/access/api-resource.ts'
import { tesseraOn } from '../../fixtures/cli/cli.ts'
import { answerOf, authorize, obtainTokens, refresh } from '../../fixtures/clients/code-flow.ts'
import { authorizeUrl, userinfo } from '../../fixtures/clients/endpoints.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { type Instance, PASSWORD } from '../../fixtures/instance/instance.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { changeApp } from '../../fixtures/tokens/reference-tokens.ts'

const EMAIL = { email: 'david@example.com', email_verified: true }
const PROFILE = { scope: 'openid profile offline_access' }
const SWITCHED = { TESSERA_COMPAT_PROFILE_EMAIL: 'true', TESSERA_IMPLICIT: 'true' }

const profileMe = async ({ origin }: Instance, token: string) => {
  const answer = await fetch(`${origin}/profile/me`, { headers: { authorization: `Bearer ${token}` } })
  return (await answer.json()) as Readonly<Record<string, unknown>>
}

await t.test('with TESSERA_COMPAT_PROFILE_EMAIL profile brings the e-mail, wherever email would', async (t) => {
  const { instance } = await startWorld(t, SWITCHED)
  const tokens = await obtainTokens(instance, PROFILE)
  t.match(claimsOf(tokens.access_token), { ...EMAIL, scope: PROFILE.scope }, 'in the access token, by the same scope')
  t.notOk('email' in claimsOf(tokens.id_token), 'not in an ID token beside it, as with email')
  t.match((await userinfo(instance, tokens.access_token)).json, { ...EMAIL, name: 'David Miller' }, 'at UserInfo')
  t.match(await profileMe(instance, tokens.access_token), { email: EMAIL.email })
  const again = tokensOf(await refresh(instance, tokens.refresh_token))
  t.match(claimsOf(again.access_token), EMAIL, 'after a refresh')
  const less = tokensOf(await refresh(instance, again.refresh_token, { scope: 'openid' }))
  t.notOk('email' in claimsOf(less.access_token), 'without profile none')
  t.strictSame(Object.keys((await userinfo(instance, less.access_token)).json), ['sub'], 'nor at UserInfo')

  const elsewhere = 'https://reports.example.com'
  await instance.core.store.write(async (unit) => {
    const scopes = [{ name: 'reports', description: undefined }]
    await unit.resources.add({ identifier: elsewhere, name: 'Reports', scopes, ...RESOURCE_DEFAULTS }, instance.now())
  })
  await changeApp(instance, WEB, { scope: ['read', 'reports'], apiResources: [elsewhere] })
  const wide = { resource: elsewhere, scope: 'openid profile offline_access reports' }
  const first = await obtainTokens(instance, wide)
  t.equal((await profileMe(instance, first.access_token))['email'], EMAIL.email, 'at /profile/me')
  const narrowed = tokensOf(await refresh(instance, first.refresh_token, { scope: 'openid reports' }))
  t.equal((await profileMe(instance, narrowed.access_token))['email'], null, 'where its scope lacks profile, none')
  const named = { ...wide, claims: JSON.stringify({ userinfo: { email: null } }) }
  const asked = tokensOf(
    await refresh(instance, (await obtainTokens(instance, named)).refresh_token, { scope: 'openid reports' }),
  )
  t.match(
    (await userinfo(instance, asked.access_token)).json,
    { email: EMAIL.email },
    'one that is asked for by name stays',
  )

  await changeApp(instance, WEB, { accessTokenFormat: 'reference' })
  const opaque = await obtainTokens(instance, PROFILE)
  t.match((await userinfo(instance, opaque.access_token)).json, EMAIL)
  const preview = await tesseraOn(
    instance,
    SWITCHED,
  )([
    ...['explain', authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, ...PROFILE })],
    ...['--user', 'david', '--json'],
  ])
  t.match(preview.stdout, '"email": "david@example.com"', 'and explain shows it')

  await changeApp(instance, WEB, { responseTypes: ['id_token'] })
  const alone = { ...PROFILE, response_type: 'id_token', nonce: 'n', scope: 'openid profile' }
  const answer = answerOf(await authorize(instance, alone))
  t.match(claimsOf(answer.get('id_token') ?? ''), EMAIL, 'in an ID token that comes alone')
})

await t.test('and the consent page says so, in each language', async (t) => {
  const { instance } = await startWorld(t, SWITCHED)
  const browser = createBrowser(instance.origin)
  const request = { client_id: WEB, redirect_uri: WEB_REDIRECT, scope: 'openid profile' }
  for (const [language, words] of [
    ['en', 'See your email address'],
    ['de', /E-Mail-Adresse/],
    ['bg', /имейл/],
  ] as const) {
    const page = await browser.open(
      authorizeUrl(instance, { ...request, ui_locales: language, prompt: 'login consent' }),
    )
    const consent = await browser.submit(page, 'login-submit', { username: 'david', password: PASSWORD })
    t.match(consent.page.querySelector('.scopes')?.text, words, language)
  }
  const { instance: other } = await startWorld(t)
  const { access_token } = await obtainTokens(other, PROFILE)
  t.notOk('email' in claimsOf(access_token), 'without the switch profile is what it was')
  t.notOk('email' in (await userinfo(other, access_token)).json)
})
