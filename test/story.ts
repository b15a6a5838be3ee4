import * as client from 'openid-client'
import t from 'tap'
import { SECRET, startInstance } from './fixtures/instance/instance.ts'
import { createBrowser } from './fixtures/sign-in/browser.ts'
import { signInAndConsent } from './fixtures/sign-in/sign-in.ts'

const REDIRECT = 'https://app.example.com/cb'

await t.test('the story of day one, told by openid-client', async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  const david = await instance.addUser({
    login: 'david',
    name: 'David Miller',
    email: 'david@example.com',
    emailVerified: true,
  })
  const svc = await instance.addUser({ login: 'svc.sync', type: 'SystemUserNoLogin' })
  await instance.addApp({
    applicationUri: 'my.trusted.app/web',
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [REDIRECT],
    impersonateLogoutUrl: ['https://app.example.com/bye'],
    scope: ['read', 'update'],
  })
  await instance.addApp({
    applicationUri: 'my.trusted.app/sync',
    systemUserAllowed: true,
    systemUser: svc.id,
    scope: ['read', 'update'],
  })

  const options = { execute: [client.allowInsecureRequests] }
  const web = await client.discovery(new URL(instance.issuer), 'my.trusted.app/web', SECRET, undefined, options)

  await t.test('David signs in, allows the app, and it gets his tokens', async (t) => {
    const browser = createBrowser(instance.origin)
    const verifier = client.randomPKCECodeVerifier()
    const state = client.randomState()
    const nonce = client.randomNonce()
    const url = client.buildAuthorizationUrl(web, {
      redirect_uri: REDIRECT,
      scope: 'openid profile email offline_access read',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    })
    const end = await signInAndConsent(browser, await browser.open(url.href), 'david')
    t.ok(end.leftTo, `sent to the app: ${end.status} ${end.url} ${end.text.slice(0, 300)}`)
    if (!end.leftTo) return
    const tokens = await client.authorizationCodeGrant(web, end.leftTo, {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
    })
    t.equal(tokens.claims()?.sub, david.id)
    const info = await client.fetchUserInfo(web, tokens.access_token, david.id)
    t.match(info, { sub: david.id, name: 'David Miller', email: 'david@example.com', email_verified: true })
    const refreshed = await client.refreshTokenGrant(web, tokens.refresh_token ?? '')
    t.not(refreshed.access_token, tokens.access_token)
    t.match(await client.tokenIntrospection(web, refreshed.access_token), {
      active: true,
      client_id: 'my.trusted.app/web',
      scope: 'openid profile email offline_access read',
    })
    await client.tokenRevocation(web, refreshed.refresh_token ?? '')
    t.strictSame(await client.tokenIntrospection(web, refreshed.access_token), { active: false })
    const out = client.buildEndSessionUrl(web, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: 'https://app.example.com/bye',
      state: 'x y',
    })
    t.equal((await browser.open(out.href)).leftTo?.href, 'https://app.example.com/bye?state=x%20y')
  })

  await t.test('the service fetches its own token', async (t) => {
    const sync = await client.discovery(new URL(instance.issuer), 'my.trusted.app/sync', SECRET, undefined, options)
    const tokens = await client.clientCredentialsGrant(sync)
    t.equal(tokens.scope, 'read update')
    t.match(await client.tokenIntrospection(sync, tokens.access_token), {
      active: true,
      client_system_user: 'svc.sync',
    })
  })
})
