import * as client from 'openid-client'
import t, { type Test } from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { thrownBy } from '../fixtures/answers/thrown-by.ts'
import { answerOf, callbackOf } from '../fixtures/clients/code-flow.ts'
import { SECRET } from '../fixtures/instance/instance.ts'
import {
  enableApp,
  HYBRID,
  HYBRID_REDIRECT,
  SYNC,
  startWorld,
  WEB,
  WEB_BYE,
  WEB_REDIRECT,
} from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'

const { instance, david } = await startWorld(t)
const { issuer } = instance

/** What apps do with the library, as docs/clients.md tells them. */
async function configure(
  clientId: string,
  clientSecret = SECRET,
  auth = client.ClientSecretPost(clientSecret),
): Promise<client.Configuration> {
  // docs: begin
  const config = await client.discovery(new URL(issuer), clientId, clientSecret, auth, {
    execute: [client.allowInsecureRequests], // only where the issuer is http, on your own machine
  })
  // docs: end
  return config
}

/** The whole code flow. */
async function signIn(config: client.Configuration, scope: string, browser = createBrowser(instance.origin)) {
  const redirectUri = WEB_REDIRECT
  // docs: begin
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    state: expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  // docs: end
  const currentUrl = await callbackOf(instance, url, browser)
  // docs: begin
  const tokens = await client.authorizationCodeGrant(config, currentUrl, { pkceCodeVerifier, expectedState })
  // docs: end
  return tokens
}

/** What the developer sees of an error. */
async function failure(t: Test, promise: Promise<unknown>): Promise<client.ResponseBodyError> {
  const error = await thrownBy(promise)
  t.ok(error instanceof client.ResponseBodyError, String(error))
  return error as client.ResponseBodyError
}

const AUTH = {
  client_secret_basic: client.ClientSecretBasic(SECRET),
  client_secret_post: client.ClientSecretPost(SECRET),
}

for (const [method, auth] of Object.entries(AUTH)) {
  await t.test(`${method}: sign-in, userinfo, refresh, introspection, revocation, sign-out`, async (t) => {
    const config = await configure(WEB, SECRET, auth)
    t.equal(config.serverMetadata().issuer, issuer)
    t.ok(config.serverMetadata().supportsPKCE())
    const browser = createBrowser(instance.origin)
    const tokens = await signIn(config, 'openid profile email offline_access read', browser)
    t.equal(tokens.claims()?.sub, david.id)
    t.equal(tokens.expires_in, 3600)
    const userinfo = await client.fetchUserInfo(config, tokens.access_token, david.id)
    t.match(userinfo, { sub: david.id, name: 'David Miller', email: 'david@example.com' })

    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
    t.equal(refreshed.claims()?.sub, david.id)
    t.not(refreshed.access_token, tokens.access_token)
    const narrowed = await client.refreshTokenGrant(config, refreshed.refresh_token ?? '', { scope: 'openid' })
    t.equal(narrowed.scope, 'openid')

    const about = await client.tokenIntrospection(config, refreshed.access_token)
    t.match(about, { active: true, sub: david.id, client_id: WEB, scope: /\bread\b/ })
    await client.tokenRevocation(config, refreshed.access_token, { token_type_hint: 'access_token' })
    t.strictSame(await client.tokenIntrospection(config, refreshed.access_token), { active: false })
    await client.tokenRevocation(config, narrowed.refresh_token ?? '')
    t.match(await failure(t, client.refreshTokenGrant(config, narrowed.refresh_token ?? '')), {
      error: 'invalid_grant',
      error_description: /revoked/,
    })

    const bye = client.buildEndSessionUrl(config, {
      post_logout_redirect_uri: WEB_BYE,
      id_token_hint: tokens.id_token ?? '',
    })
    t.equal((await browser.open(bye.href)).leftTo?.href, WEB_BYE)
    const silent = client.buildAuthorizationUrl(config, { redirect_uri: WEB_REDIRECT, scope: 'openid', prompt: 'none' })
    const refused = await browser.open(silent.href)
    t.match(await thrownBy(client.authorizationCodeGrant(config, refused.leftTo ?? new URL(issuer))), {
      error: 'login_required',
      error_description: /./,
    })
  })
}

await t.test('code id_token: the library verifies nonce, c_hash and both ID tokens', async (t) => {
  const config = await configure(HYBRID)
  client.useCodeIdTokenResponseType(config)
  const [expectedNonce, expectedState] = [client.randomNonce(), client.randomState()]
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: HYBRID_REDIRECT,
    scope: 'openid',
    nonce: expectedNonce,
    state: expectedState,
  })
  const tokens = await client.authorizationCodeGrant(config, await callbackOf(instance, url), {
    expectedNonce,
    expectedState,
  })
  t.equal(tokens.claims()?.sub, david.id)
})

await t.test('implicit and form_post, where the operator offers them', async (t) => {
  const { instance, david } = await startWorld(t, { TESSERA_IMPLICIT: 'true' })
  const redirect_uri = 'https://old.example.com/cb'
  await instance.addApp({
    applicationUri: 'old',
    impersonateAsInternalUserAllowed: true,
    impersonateLoginUrl: [redirect_uri],
    responseTypes: ['id_token'],
  })
  const config = await client.discovery(new URL(instance.issuer), 'old', undefined, client.None(), {
    execute: [client.allowInsecureRequests, client.useIdTokenResponseType],
  })
  const [nonce, state] = [client.randomNonce(), client.randomState()]
  for (const mode of ['fragment', 'form_post']) {
    const parameters = { redirect_uri, scope: 'openid email', nonce, state, response_mode: mode }
    const browser = createBrowser(instance.origin)
    const start = client.buildAuthorizationUrl(config, parameters).href
    const view = await signInAndConsent(browser, await browser.open(start), 'david')
    const back =
      mode === 'fragment'
        ? (view.leftTo ?? new URL(redirect_uri))
        : new Request(redirect_uri, { method: 'POST', body: answerOf(view) })
    const claims = await client.implicitAuthentication(config, back, nonce, { expectedState: state })
    t.match(claims, { sub: david.id, email: 'david@example.com' }, mode)
  }
})

await t.test('client credentials, and a token for an API named by resource', async (t) => {
  const config = await configure(SYNC)
  const tokens = await client.clientCredentialsGrant(config, { scope: 'read' })
  t.match(tokens, { token_type: 'bearer', scope: 'read', expires_in: 3600 })
  const forApi = await client.clientCredentialsGrant(config, { resource: 'DomainAPI' })
  t.equal(forApi.scope, 'read update')
})

await t.test('discovery at the root of the host, for plain OAuth', async (t) => {
  const config = await client.discovery(new URL(issuer), SYNC, SECRET, undefined, {
    algorithm: 'oauth2',
    execute: [client.allowInsecureRequests],
  })
  t.equal(config.serverMetadata().token_endpoint, `${issuer}/connect/token`)
})

await t.test(
  'the developer reads what is wrong, and the id under which the administrator finds the rest',
  async (t) => {
    const WRONG = 'the app is unknown, or its authentication is wrong or missing'
    const seen = (id = ''): { error: string; cause: Record<string, unknown> } => ({
      error: 'invalid_client',
      cause: { error_description: WRONG, error_uri: `${issuer}/error?refusal=${id}`, refusal_id: id },
    })
    const kept = (id: string) => instance.log.filter((record) => record['refusal'] === id)

    await t.test('a wrong secret in the body', async (t) => {
      const error = await failure(t, client.clientCredentialsGrant(await configure(SYNC, 'not the secret')))
      const id = String(error.cause['refusal_id'])
      t.match(error, seen(id))
      matchesWhole(t, kept(id), [{ cause: { cause: /^the secret is wrong/ } }])
    })

    await t.test(
      'a wrong secret in the Authorization header, of which the library shows the challenge alone',
      async (t) => {
        const config = await configure(SYNC, '', client.ClientSecretBasic('not the secret'))
        matchesWhole(t, await thrownBy(client.clientCredentialsGrant(config)), {
          code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
          cause: [
            {
              scheme: 'basic',
              parameters: { error: 'invalid_client', error_description: WRONG, error_uri: /refusal=/ },
            },
          ],
        })
      },
    )

    await t.test('a disabled app', async (t) => {
      const config = await configure(WEB)
      const tokens = await signIn(config, 'openid offline_access')
      await enableApp(instance, WEB, false)
      const error = await failure(t, client.refreshTokenGrant(config, tokens.refresh_token ?? ''))
      const id = String(error.cause['refusal_id'])
      t.match(error, seen(id))
      matchesWhole(t, kept(id), [{ cause: { cause: 'the app is disabled' } }])
      const start = client.buildAuthorizationUrl(config, { redirect_uri: WEB_REDIRECT, scope: 'openid' })
      const page = await createBrowser(instance.origin).open(start.href)
      t.match(page, { status: 400, leftTo: undefined }, 'the browser is sent nowhere')
      await enableApp(instance, WEB, true)
    })

    await t.test('a dead access token at UserInfo', async (t) => {
      const config = await configure(WEB)
      const { access_token } = await signIn(config, 'openid')
      await client.tokenRevocation(config, access_token)
      matchesWhole(t, await thrownBy(client.fetchUserInfo(config, access_token, david.id)), {
        code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
        cause: [{ scheme: 'bearer', parameters: { error: 'invalid_token', error_description: /./ } }],
      })
    })

    await t.test('a request that is turned down at the authorization endpoint', async (t) => {
      const config = await configure(WEB)
      const start = client.buildAuthorizationUrl(config, { redirect_uri: WEB_REDIRECT, scope: 'nonsense' })
      t.match(await thrownBy(client.authorizationCodeGrant(config, await callbackOf(instance, start))), {
        error: 'invalid_scope',
        error_description: /nonsense/,
        cause: { get: Function },
      })
    })
  },
)
