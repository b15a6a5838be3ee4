import { SIGNING_ALGORITHMS } from '../protocol/signing-algorithm.ts'
import {
  ACCESS_TOKEN_FORMATS,
  ACCESS_TOKEN_POLICIES,
  ALL_RESPONSE_TYPES,
  CLIENT_TYPES,
  SUBJECT_TYPES,
} from './app-choices.ts'
import {
  byLanguage,
  flag,
  list,
  listOf,
  oneOf,
  optionalOneOf,
  optionalSeconds,
  seconds,
  systemUser,
  text,
  uris,
  url,
  urlAtRedirectUri,
} from './attribute-kinds.ts'
import { individual, row } from './attribute-row.ts'
import { KEY_ATTRIBUTES } from './key-attributes.ts'
import * as rules from './value-rules.ts'

/** Every attribute of the record, a row for each, in the order in which records show them. */
export const APP_TABLE = {
  applicationUri: individual(text, 'identity', {
    meaning: 'unique name of the app and its `client_id`; never changes',
    rule: rules.clientId,
    fixed: true,
  }),
  name: individual(text, 'identity', {
    meaning: 'name on the consent page, 1 to 200 characters; default: the ApplicationUri',
    rule: rules.readableName,
    instead: 'the ApplicationUri',
    metadata: 'client_name',
  }),
  localizedNames: row(byLanguage('names'), {}, 'identity', {
    meaning: 'the Name in other languages, such as `Name#de`; pages in none of them show the Name',
    rule: rules.namesByLanguage,
    metadata: 'client_name#LANGUAGE',
    readApart: true,
  }),
  clientType: individual(oneOf(CLIENT_TYPES), 'identity', {
    meaning: '`Confidential` keeps a secret, `Public` (SPA, native app) cannot, `None` cannot use any flow',
    metadata: 'token_endpoint_auth_method',
    readApart: true,
  }),
  impersonateLoginUrl: row(uris('redirect URIs'), [], 'sign-in', {
    meaning: 'redirect URIs, compared byte for byte; required if people sign in',
    metadata: 'redirect_uris',
  }),
  impersonateLogoutUrl: row(uris('post-logout redirect URIs'), [], 'sign-in', {
    meaning: 'where the browser may be sent after sign-out',
    metadata: 'post_logout_redirect_uris',
  }),
  insecureRedirectsAllowed: row(flag, false, 'sign-in', {
    meaning: 'these addresses may be plain http at `*.localhost` and private IP addresses',
  }),
  impersonateAsInternalUserAllowed: row(flag, false, 'sign-in', {
    meaning: 'internal users may sign in through the app',
  }),
  impersonateAsCommunityUserAllowed: row(flag, false, 'sign-in', {
    meaning: 'community users may sign in; they get an identity, but no API scopes',
  }),
  systemUserAllowed: row(flag, false, 'access', {
    meaning: 'the app may act on its own, as its SystemUser (client credentials); Confidential only',
  }),
  systemUser: row(systemUser, undefined, 'access', {
    meaning: 'the `SystemUserNoLogin` that the app acts as on its own; must exist and be enabled',
  }),
  scope: row(list('API scopes', ' '), [], 'access', {
    meaning: 'API scopes the app may ask for; each must belong to an API that the app may use',
    rule: rules.scopeNames,
    metadata: 'scope',
    readApart: true,
  }),
  apiResources: row(list('identifiers of API resources', ' '), [], 'access', {
    meaning: 'API resources that the app may ask for in addition to the default one (RFC 8707)',
  }),
  administrationAllowed: row(flag, false, 'access', {
    meaning: 'the app may have the scope `sec` of the administration API',
  }),
  accessTokens: row(oneOf(ACCESS_TOKEN_POLICIES), 'None', 'access', {
    meaning: 'who may create reference tokens for the app',
  }),
  accessTokenFormat: row(oneOf(ACCESS_TOKEN_FORMATS), 'jwt', 'tokens', {
    meaning: '`jwt`: APIs read the token themselves; `reference`: only this server can',
  }),
  basicAuthenticationAllowed: row(flag, false, 'access', {
    meaning: 'a note for older systems; APIs never accept passwords',
  }),
  requirePkce: row(flag, true, 'sign-in', {
    meaning: 'a Confidential app must use PKCE (S256) too, as Public apps always must',
    staysUnsaid: true,
  }),
  requireConsent: row(flag, true, 'sign-in', {
    meaning: 'people are asked before the app learns anything new about them',
  }),
  refreshReplayWindow: row(seconds, 10, 'tokens', {
    meaning: 'how long a used refresh token gets the same answer again, 0s to 60s; 0: never',
    rule: rules.secondsBetween(0, rules.MOST_SECONDS.replayWindow),
  }),
  /** @see OIDC Back-Channel Logout §2.7 */
  refreshEndsWithSession: row(flag, false, 'tokens', {
    meaning: 'refresh tokens end with the sign-in session: when the person signs out, or it runs out',
  }),
  accessTokenLifetime: row(optionalSeconds, undefined, 'tokens', {
    meaning: 'how long access tokens are valid, 60s to 24h; default: 1h',
    rule: rules.secondsBetween(60, rules.MOST_SECONDS.accessToken),
  }),
  refreshTokenLifetime: row(optionalSeconds, undefined, 'tokens', {
    meaning: 'how long refresh tokens are valid, 60s to 365d; default: 30d, or 24h for a Public app',
    rule: rules.secondsBetween(60, 31_536_000),
  }),
  responseTypes: row(listOf(ALL_RESPONSE_TYPES), ['code'], 'sign-in', {
    meaning: '`code`, `code id_token` (hybrid flow); others only with `TESSERA_IMPLICIT`',
    metadata: 'response_types',
    readApart: true,
  }),
  signingAlgorithm: row(optionalOneOf(SIGNING_ALGORITHMS, "the instance's own"), undefined, 'tokens', {
    meaning: 'algorithm of tokens for the app; default: that of the instance (`TESSERA_SIGNING_ALGORITHM`)',
    metadata: 'id_token_signed_response_alg',
  }),
  /** @see OIDC Core §5.3.2 */
  userinfoSignedResponseAlg: row(optionalOneOf(SIGNING_ALGORITHMS, 'plain JSON'), undefined, 'tokens', {
    meaning: 'algorithm that signs UserInfo as a JWT (`application/jwt`); default: plain JSON',
    metadata: 'userinfo_signed_response_alg',
  }),
  logoUri: row(url, undefined, 'identity', {
    meaning: 'logo on the sign-in and consent pages; of an app that registered itself, not before sign-in',
    rule: rules.webUrl,
    metadata: 'logo_uri',
  }),
  policyUri: row(url, undefined, 'identity', {
    meaning: 'privacy policy of the app, linked on the consent page',
    rule: rules.webUrl,
    metadata: 'policy_uri',
  }),
  tosUri: row(url, undefined, 'identity', {
    meaning: 'terms of service of the app, linked on the consent page',
    rule: rules.webUrl,
    metadata: 'tos_uri',
  }),
  subjectType: row(oneOf(SUBJECT_TYPES), 'public', 'tokens', {
    meaning: '`public`: people have the same `sub` at all apps; `pairwise`: a different one in each sector',
    metadata: 'subject_type',
  }),
  /** @see OIDC Core §8.1 */
  sectorIdentifierUri: row(url, undefined, 'tokens', {
    meaning: 'its host is the sector of a pairwise app; default: the host of the redirect URIs',
    rule: rules.webUrlOrLoopback,
    metadata: 'sector_identifier_uri',
    called: true,
  }),
  /** @see OIDC Registration §2 */
  defaultMaxAge: row(optionalSeconds, undefined, 'sign-in', {
    meaning: 'how old a sign-in may be, up to 365d, unless the request sends `max_age`',
    rule: rules.secondsBetween(0, 31_536_000),
    metadata: 'default_max_age',
  }),
  requireAuthTime: row(flag, false, 'sign-in', {
    meaning: 'a note: every ID token says when the person signed in',
    metadata: 'require_auth_time',
  }),
  defaultAcrValues: row(list('acr values', ' ', 10), [], 'sign-in', {
    meaning: '`acr_values` for requests that send none',
    rule: rules.acrValues,
    metadata: 'default_acr_values',
  }),
  clientUri: row(url, undefined, 'identity', {
    meaning: 'home page of the app, to which the signed-out page and error pages lead',
    rule: rules.webUrl,
    metadata: 'client_uri',
  }),
  contacts: row(list('e-mail addresses', ',', 10), [], 'identity', {
    meaning: 'e-mail addresses of the people who look after the app',
    rule: rules.contacts,
    metadata: 'contacts',
  }),
  /** @see OIDC Core §4 */
  initiateLoginUri: row(url, undefined, 'sign-in', {
    meaning: 'where a sign-in that begins outside the app is sent',
    rule: rules.webUrl,
    metadata: 'initiate_login_uri',
  }),
  /** @see OIDC Back-Channel Logout §2.2 */
  backchannelLogoutUri: row(url, undefined, 'logout', {
    meaning: 'where the server posts a logout token when a person signs out',
    rule: rules.notifiable,
    metadata: 'backchannel_logout_uri',
    called: true,
  }),
  backchannelLogoutSessionRequired: row(flag, false, 'logout', {
    meaning: 'a note: every logout token names person and session (`sid`)',
    metadata: 'backchannel_logout_session_required',
  }),
  /** @see OIDC Front-Channel Logout §2 */
  frontchannelLogoutUri: row(urlAtRedirectUri, undefined, 'logout', {
    meaning: 'page that the browser loads when a person signs out',
    metadata: 'frontchannel_logout_uri',
  }),
  frontchannelLogoutSessionRequired: row(flag, false, 'logout', {
    meaning: 'a note: `iss` and `sid` are always sent',
    metadata: 'frontchannel_logout_session_required',
  }),
  ...KEY_ATTRIBUTES,
  selfRegistered: row(flag, false, 'identity', {
    meaning: 'the app registered itself; never changes',
    fixed: true,
  }),
}
