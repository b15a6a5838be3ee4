import t from 'tap'
import { APP_ATTRIBUTES } from '../../src/domain/apps/app-attributes.ts'
import { tesseraOn } from '../fixtures/cli/cli.ts'
import { authorizeUrl, requestToken } from '../fixtures/clients/endpoints.ts'
import { readTold } from '../fixtures/documents/mistakes/mistake.ts'
import { textOfTest } from '../fixtures/documents/test-named.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'

/** For each attribute the test of what it does, by its file and a part of its text. */
const EFFECTS: Readonly<Record<string, readonly [file: string, text: string]>> = {
  ApplicationUri: ['errors-token-endpoint.ts', 'TE-14 who is unknown, wrong or disabled cannot be told apart'],
  Name: ['attributes-of-the-record.ts', 'on the pages'],
  LocalizedNames: ['names-by-language.ts', 'sign-in, consent and sign-out call the app'],
  ClientType: ['kill-switches-of-the-record.ts', "clientType: 'Public'"],
  ApplicationSecretHash: ['secret-rotation.ts', 'only its hash is stored here'],
  IsEnabled: ['kill-switches.ts', 'APP_IS_OFF'],
  ImpersonateLoginUrl: ['authorize-redirect-uri.ts', 'redirect_uri is not registered for this app'],
  ImpersonateLogoutUrl: ['authorize-redirect-uri.ts', 'impersonateLogoutUrl'],
  InsecureRedirectsAllowed: ['addresses-of-apps.ts', 'InsecureRedirectsAllowed lets plain http'],
  ImpersonateAsInternalUserAllowed: ['kill-switches-of-the-record.ts', 'impersonateAsInternalUserAllowed: false'],
  ImpersonateAsCommunityUserAllowed: ['kill-switches-of-the-record.ts', 'impersonateAsCommunityUserAllowed'],
  SystemUserAllowed: ['kill-switches-of-the-record.ts', 'systemUserAllowed: false'],
  SystemUser: ['errors-token-endpoint.ts', 'systemUser:'],
  Scope: ['authorize-request.ts', 'AU-17 scope'],
  ApiResources: ['rfc-8707-resource-indicators.ts', 'apiResources'],
  AdministrationAllowed: ['admin-api-access.ts', 'an app without the mark can neither hold the scope nor use it'],
  AccessTokens: ['reference-tokens.ts', "accessTokens: 'AdministratorsOnly'"],
  AccessTokenFormat: ['opaque-access-tokens.ts', 'AccessTokenFormat reference: code, refresh and client_credentials'],
  BasicAuthenticationAllowed: ['attributes-of-the-record.ts', 'kept as a note'],
  RequirePkce: ['authorize-request.ts', 'requirePkce: true'],
  RequireConsent: ['consent.ts', 'requireConsent: false'],
  RefreshReplayWindow: ['refresh-rotation.ts', 'refreshReplayWindow'],
  RefreshEndsWithSession: ['what-a-sign-out-ends.ts', 'refreshEndsWithSession: true'],
  AccessTokenLifetime: ['access-token-claims.ts', 'lifetimes: an hour, or what the record says, to the second'],
  RefreshTokenLifetime: ['refresh-rotation.ts', 'refreshTokenLifetime'],
  ResponseTypes: ['attributes-of-the-record.ts', 'a response type that the record does not list'],
  SigningAlgorithm: ['signing-algorithms.ts', 'everything that is signed for the app'],
  UserinfoSignedResponseAlg: ['oidc-userinfo-signed.ts', 'userinfoSignedResponseAlg: algorithm'],
  LogoUri: ['attributes-of-the-record.ts', 'on the pages'],
  PolicyUri: ['attributes-of-the-record.ts', 'on the pages'],
  TosUri: ['attributes-of-the-record.ts', 'on the pages'],
  SubjectType: ['oidc-pairwise-subjects.ts', 'one sub for a sector'],
  SectorIdentifierUri: ['oidc-pairwise-subjects.ts', 'the sector identifier names the sector'],
  DefaultMaxAge: ['oidc-prompt-max-age.ts', 'DefaultMaxAge counts where the request says nothing'],
  RequireAuthTime: ['oidc-prompt-max-age.ts', 'RequireAuthTime'],
  DefaultAcrValues: ['oidc-prompt-max-age.ts', 'DefaultAcrValues'],
  ClientUri: ['rfc-7591-registration.ts', 'client_uri'],
  Contacts: ['rfc-7591-registration.ts', 'contacts'],
  InitiateLoginUri: ['rfc-7591-registration.ts', 'initiate_login_uri'],
  BackchannelLogoutUri: ['oidc-back-channel-logout.ts', 'each app of the session is told'],
  BackchannelLogoutSessionRequired: ['oidc-back-channel-logout.ts', 'BackchannelLogoutSessionRequired: true'],
  FrontchannelLogoutUri: ['oidc-front-channel-logout.ts', 'frontchannelLogoutUri'],
  FrontchannelLogoutSessionRequired: ['oidc-front-channel-logout.ts', 'frontchannelLogoutSessionRequired: false'],
  Jwks: ['app-keys.ts', 'JwksUri: null, Jwks: jwksOf(two)'],
  JwksUri: ['app-keys.ts', 'JwksUri: fetched once, kept for ten minutes'],
  TokenEndpointAuthMethod: [
    'rfc-7523-client-assertions.ts',
    'TokenEndpointAuthMethod: the registered way and no other',
  ],
  TokenEndpointAuthSigningAlg: ['rfc-7523-client-assertions.ts', 'TokenEndpointAuthSigningAlg: nothing but'],
  RequestObjectSigningAlg: ['rfc-9101-request-objects.ts', 'RequestObjectSigningAlg: no other algorithm'],
  RequireSignedRequestObject: ['rfc-9101-request-objects.ts', 'RequireSignedRequestObject: only what is signed counts'],
  RequestUris: ['rfc-9101-request-objects.ts', 'request_uri: fetched from registered addresses alone'],
  ClientAssertionAudience: ['rfc-7523-client-assertions.ts', 'FAPI 2: an app whose audience is the issuer'],
}

await t.test('each attribute of the record has a test for what it does', async (t) => {
  const names = APP_ATTRIBUTES.map(({ name }) => name)
  t.strictSame(Object.keys(EFFECTS).sort(), [...names, 'ApplicationUri', 'ApplicationSecretHash', 'IsEnabled'].sort())
  for (const [name, [file, text]] of Object.entries(EFFECTS))
    t.ok(textOfTest(file).includes(text), `${name}: ${text} in ${file}`)
})

const { instance } = await startWorld(t)
const tessera = tesseraOn(instance)
const url = (parameters: Readonly<Record<string, string>> = {}): string =>
  authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, ...parameters })

await t.test('on the pages: name, logo, policy and terms', async (t) => {
  const links = ['logo.png', 'privacy', 'terms'].map((path) => `https://shop.example.com/${path}`)
  const [logo, policy, terms] = links
  const set = [`LogoUri=${logo}`, `PolicyUri=${policy}`, `TosUri=${terms}`, 'Name=The shop of David']
  const shown = async (): Promise<boolean[]> => {
    const { text } = await createBrowser(instance.origin).open(url())
    return [...links, 'The shop of David'].map((part) => text.includes(part))
  }
  t.strictSame(await shown(), [false, false, false, false])
  t.equal((await tessera(['app', 'update', WEB, ...set.flatMap((one) => ['--set', one])])).code, 0)
  t.strictSame(await shown(), [true, true, true, true])
})

await t.test('a response type that the record does not list is refused, and accepted once it does', async (t) => {
  const asked = url({ response_type: 'code id_token', nonce: 'n-0123456789' })
  const ask = async () => readTold(await createBrowser(instance.origin).open(asked))
  t.match(await ask(), { error: 'unauthorized_client' })
  t.equal((await tessera(['app', 'update', WEB, '--set', 'ResponseTypes=code,code id_token'])).code, 0)
  t.equal(await ask(), undefined)
})

await t.test('kept as a note: no password opens anything, nor does a token that nobody made', async (t) => {
  const flags = ['--set', 'BasicAuthenticationAllowed=true', '--set', 'AccessTokens=AuthenticatedUsers']
  t.equal((await tessera(['app', 'update', WEB, ...flags])).code, 0)
  const authorization = `Basic ${Buffer.from(`david:${PASSWORD}`).toString('base64')}`
  for (const path of ['/id/connect/userinfo', '/manage/api/v1/apps'])
    t.equal((await fetch(`${instance.origin}${path}`, { headers: { authorization } })).status, 401, path)
  const fields = { grant_type: 'password', username: 'david', password: PASSWORD }
  t.equal((await requestToken(instance, fields, { authorization })).status, 401)
  const token = `enrt_${'0'.repeat(64)}`
  for (const headers of [{ authorization: `Bearer ${token}` }, { 'x-api-key': token }])
    t.equal((await fetch(`${instance.issuer}/connect/userinfo`, { headers })).status, 401)
})
