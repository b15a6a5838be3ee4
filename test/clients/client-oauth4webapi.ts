// SQLite alone: client-openid-client.ts sends the same requests
import * as oauth from 'oauth4webapi'
import t from 'tap'
import { thrownBy } from '../fixtures/answers/thrown-by.ts'
import { callbackOf } from '../fixtures/clients/code-flow.ts'
import { bearer } from '../fixtures/clients/http.ts'
import { PASSWORD, SECRET } from '../fixtures/instance/instance.ts'
import { enableApp, NATIVE, SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'

const { instance, david } = await startWorld(t)
const issuer = new URL(instance.issuer)

// Only where the issuer is http, on a developer's own machine.
const http = { [oauth.allowInsecureRequests]: true }

const [clientId, clientSecret] = [WEB, SECRET]

// docs: begin
const as = await oauth
  .discoveryRequest(issuer, http)
  .then((response) => oauth.processDiscoveryResponse(issuer, response))
const app: oauth.Client = { client_id: clientId }
const auth = oauth.ClientSecretBasic(clientSecret)
// docs: end

for (const algorithm of ['oidc', 'oauth2'] as const) {
  await t.test(`discovery (${algorithm}) says the same of the same issuer`, async (t) => {
    const response = await oauth.discoveryRequest(issuer, { algorithm, ...http })
    t.match(await oauth.processDiscoveryResponse(issuer, response), { token_endpoint: `${issuer}/connect/token` })
  })
}

interface SignIn {
  readonly app: oauth.Client
  readonly auth: oauth.ClientAuth
  readonly redirectUri: string
}
const AS_WEB: SignIn = { app, auth, redirectUri: WEB_REDIRECT }

/** The whole code flow of David; the library refuses anything that is not exactly as the specifications say. */
async function signIn(scope: string, { app, auth, redirectUri }: SignIn = AS_WEB) {
  const [verifier, state, nonce] = [
    oauth.generateRandomCodeVerifier(),
    oauth.generateRandomState(),
    oauth.generateRandomNonce(),
  ]
  const url = new URL(as.authorization_endpoint ?? '')
  url.search = new URLSearchParams({
    client_id: app.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }).toString()
  const parameters = oauth.validateAuthResponse(as, app, await callbackOf(instance, url), state)
  const response = await oauth.authorizationCodeGrantRequest(as, app, auth, parameters, redirectUri, verifier, http)
  const tokens = await oauth.processAuthorizationCodeResponse(as, app, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  })
  // The ID token's signature, which the code flow lets an app skip.
  await oauth.validateApplicationLevelSignature(as, response, http)
  return tokens
}

await t.test('sign-in, signature, userinfo, refresh, introspection, revocation', async (t) => {
  const tokens = await signIn('openid profile offline_access read')
  t.equal(oauth.getValidatedIdTokenClaims(tokens)?.sub, david.id)
  const userinfo = await oauth.userInfoRequest(as, app, tokens.access_token, http)
  t.match(await oauth.processUserInfoResponse(as, app, david.id, userinfo), { name: 'David Miller' })

  const again = await oauth.refreshTokenGrantRequest(as, app, auth, tokens.refresh_token ?? '', http)
  const refreshed = await oauth.processRefreshTokenResponse(as, app, again)
  t.equal(oauth.getValidatedIdTokenClaims(refreshed)?.sub, david.id)

  const asked = await oauth.introspectionRequest(as, app, auth, refreshed.access_token, http)
  t.match(await oauth.processIntrospectionResponse(as, app, asked), { active: true, sub: david.id })
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, app, auth, refreshed.access_token, http))
  const gone = await oauth.introspectionRequest(as, app, auth, refreshed.access_token, http)
  t.strictSame(await oauth.processIntrospectionResponse(as, app, gone), { active: false })
})

await t.test('signed introspection, whose signature the library verifies', async (t) => {
  const signing: oauth.Client = { ...app, introspection_signed_response_alg: 'RS256' }
  const { access_token } = await signIn('openid read')
  const asked = await oauth.introspectionRequest(as, signing, auth, access_token, http)
  t.match(asked.headers.get('content-type'), /^application\/token-introspection\+jwt/)
  t.match(await oauth.processIntrospectionResponse(as, signing, asked), { active: true })
  await oauth.validateApplicationLevelSignature(as, asked, http)
})

await t.test('a Public app: a loopback port of its own, PKCE, and no secret anywhere', async (t) => {
  const redirectUri = 'http://127.0.0.1:49152/cb'
  const native = { app: { client_id: NATIVE }, auth: oauth.None(), redirectUri }
  const tokens = await signIn('openid offline_access read', native)
  const again = await oauth.refreshTokenGrantRequest(as, native.app, native.auth, tokens.refresh_token ?? '', http)
  const refreshed = await oauth.processRefreshTokenResponse(as, native.app, again)
  const revoked = await oauth.revocationRequest(as, native.app, native.auth, refreshed.refresh_token ?? '', http)
  t.equal(await oauth.processRevocationResponse(revoked), undefined)
})

await t.test('an API verifies the access token of a service by the keys alone', async (t) => {
  const sync = { client_id: SYNC }
  const response = await oauth.clientCredentialsGrantRequest(as, sync, auth, { scope: 'read' }, http)
  const { access_token } = await oauth.processClientCredentialsResponse(as, sync, response)
  const call = new Request('https://api.example.com/', { headers: bearer(access_token) })
  const claims = await oauth.validateJwtAccessToken(as, call, 'DomainAPI', http)
  t.match(claims, { client_id: SYNC, sub: SYNC, scope: 'read' })
  await t.rejects(oauth.validateJwtAccessToken(as, call, 'https://other.example.com', http), /unexpected JWT "aud"/)
})

await t.test('errors', async (t) => {
  const seen = (error: string, about: RegExp) => ({
    error,
    error_description: about,
    cause: { error_uri: /^http.*\/error\?refusal=/, refusal_id: /^[0-9a-z]{16}$/ },
  })

  await t.test('a wrong secret', async (t) => {
    const post = oauth.ClientSecretPost('not the secret')
    const response = await oauth.clientCredentialsGrantRequest(as, { client_id: SYNC }, post, {}, http)
    const error = await thrownBy(oauth.processClientCredentialsResponse(as, { client_id: SYNC }, response))
    t.match(error, seen('invalid_client', /unknown, or its authentication is wrong/))
  })

  await t.test('a code that comes a second time', async (t) => {
    const state = oauth.generateRandomState()
    const query = new URLSearchParams({
      client_id: WEB,
      redirect_uri: WEB_REDIRECT,
      response_type: 'code',
      scope: 'openid',
      state,
    })
    const back = await callbackOf(instance, `${as.authorization_endpoint}?${query}`)
    const parameters = oauth.validateAuthResponse(as, app, back, state)
    const redeem = () =>
      oauth.authorizationCodeGrantRequest(as, app, auth, parameters, WEB_REDIRECT, oauth.nopkce, http)
    await oauth.processAuthorizationCodeResponse(as, app, await redeem())
    const error = await thrownBy(oauth.processAuthorizationCodeResponse(as, app, await redeem()))
    t.match(error, seen('invalid_grant', /used/))
  })

  await t.test('a disabled app', async (t) => {
    await enableApp(instance, SYNC, false)
    const post = oauth.ClientSecretPost(SECRET)
    const response = await oauth.clientCredentialsGrantRequest(as, { client_id: SYNC }, post, {}, http)
    const error = await thrownBy(oauth.processClientCredentialsResponse(as, { client_id: SYNC }, response))
    t.match(error, seen('invalid_client', /unknown/))
    await enableApp(instance, SYNC, true)
  })

  await t.test('a person who says no', async (t) => {
    const query = new URLSearchParams({
      client_id: WEB,
      redirect_uri: WEB_REDIRECT,
      response_type: 'code',
      scope: 'openid',
    })
    const browser = createBrowser(instance.origin)
    const start = await browser.open(`${as.authorization_endpoint}?${query}&prompt=consent`)
    const consent = await browser.submit(start, 'login-submit', { username: 'david', password: PASSWORD })
    const { leftTo } = await browser.submit(consent, 'consent-deny')
    const error = await thrownBy(
      Promise.resolve().then(() => oauth.validateAuthResponse(as, app, leftTo ?? issuer, oauth.expectNoState)),
    )
    t.match(error, { code: 'OAUTH_AUTHORIZATION_RESPONSE_ERROR', error: 'access_denied', error_description: /./ })
  })
})
