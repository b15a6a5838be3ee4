import { APP_ATTRIBUTES, type AppAttribute } from '../../domain/apps/app-attributes.ts'
import {
  ACCESS_TOKEN_FORMATS,
  ACCESS_TOKEN_POLICIES,
  ASSERTION_AUDIENCES,
  AUTH_METHODS,
  CLIENT_TYPES,
  SUBJECT_TYPES,
} from '../../domain/apps/app-choices.ts'
import { SIGNING_ALGORITHMS } from '../../domain/protocol/signing-algorithm.ts'
import type { Field } from './fields.ts'

const LIFETIME = 'as seconds or a length of time such as 15m, 8h or 14d'

/** What files say of an app's attributes. */
const DESCRIBED: Readonly<Record<string, Field>> = {
  Name: { form: 'text', description: 'What people read on the consent page; left out, the ApplicationUri.' },
  ClientType: {
    form: CLIENT_TYPES,
    description: 'Confidential keeps a secret, Public cannot (SPA, native app), None is a note only: no flow works.',
  },
  ImpersonateLoginUrl: {
    form: 'commas',
    description: 'Redirect URIs, compared byte for byte: a list, or one text with commas between.',
  },
  ImpersonateLogoutUrl: {
    form: 'commas',
    description: 'Where the browser may go after sign-out: a list, or one text with commas between.',
  },
  ImpersonateAsInternalUserAllowed: { form: 'flag', description: 'Internal users may sign in through the app.' },
  ImpersonateAsCommunityUserAllowed: {
    form: 'flag',
    description: 'Community users may sign in through the app; they get an identity and no API scope.',
  },
  SystemUserAllowed: {
    form: 'flag',
    description: 'The app may act on its own, as its SystemUser (client credentials).',
  },
  SystemUser: { form: 'text', description: 'Login of the SystemUserNoLogin that the app acts as on its own.' },
  Scope: { form: 'spaces', description: 'API scopes the app may ask for: a list, or one text with spaces between.' },
  ApiResources: {
    form: 'spaces',
    description: 'Identifiers of the API resources the app may name beside the default one (RFC 8707).',
  },
  AdministrationAllowed: { form: 'flag', description: 'The app may hold the scope sec of the administration API.' },
  AccessTokens: { form: ACCESS_TOKEN_POLICIES, description: 'Who may make reference tokens for the app.' },
  BasicAuthenticationAllowed: {
    form: 'flag',
    description: 'Kept as a note for older systems; no password ever opens an API.',
  },
  RequirePkce: { form: 'flag', description: 'Forces PKCE for a Confidential app; Public apps always need it.' },
  RequireConsent: { form: 'flag', description: 'People are asked before the app learns anything new about them.' },
  RefreshReplayWindow: {
    form: 'seconds',
    description: 'How long a used refresh token gets the same answer again: 0 to 60 seconds.',
  },
  AccessTokenLifetime: { form: 'seconds', description: `How long access tokens live, ${LIFETIME}; left out, 1 h.` },
  RefreshTokenLifetime: {
    form: 'seconds',
    description: `How long refresh tokens live, ${LIFETIME}; left out, 30 days, and 24 h for a Public app.`,
  },
  AccessTokenFormat: {
    form: ACCESS_TOKEN_FORMATS,
    description: 'jwt is read by the API itself, reference means nothing to anybody who does not ask the server.',
  },
  ResponseTypes: {
    form: 'commas',
    description: 'Response types of the app: code, "code id_token" (hybrid flow), or others if the server offers them.',
  },
  SigningAlgorithm: {
    form: SIGNING_ALGORITHMS,
    description:
      "Signs everything that the app is to verify; left out, the instance's own (TESSERA_SIGNING_ALGORITHM).",
  },
  UserinfoSignedResponseAlg: {
    form: SIGNING_ALGORITHMS,
    description: 'UserInfo is a JWT signed with it (application/jwt); left out, plain JSON.',
  },
  LogoUri: { form: 'text', description: 'The logo on the consent page, an https URL.' },
  PolicyUri: { form: 'text', description: 'Privacy policy of the app, an https URL.' },
  TosUri: { form: 'text', description: 'Terms of service of the app, an https URL.' },
  SubjectType: {
    form: SUBJECT_TYPES,
    description: 'public: people have one sub at all apps; pairwise: another one at the apps of every other sector.',
  },
  SectorIdentifierUri: {
    form: 'text',
    description: 'An https URL whose host names the sector of a pairwise app; left out, the host of its redirect URIs.',
  },
  DefaultMaxAge: {
    form: 'seconds',
    description: `People whose sign-in is older sign in again, unless the request sends max_age; ${LIFETIME}.`,
  },
  RequireAuthTime: { form: 'flag', description: 'Kept as a note: every ID token says when the person signed in.' },
  DefaultAcrValues: {
    form: 'spaces',
    description: 'acr_values of a request that names none: a list, or one text with spaces between.',
  },
  ClientUri: { form: 'text', description: 'Home page of the app, an https URL.' },
  Contacts: { form: 'commas', description: 'E-mail addresses of who is responsible: a list, or one text with commas.' },
  InitiateLoginUri: { form: 'text', description: 'Where a sign-in that begins elsewhere is sent, an https URL.' },
  BackchannelLogoutUri: {
    form: 'text',
    description: 'Where the server itself tells the app that a person signed out, an https URL.',
  },
  BackchannelLogoutSessionRequired: {
    form: 'flag',
    description: 'Kept as a note: every back-channel logout names the session (sid).',
  },
  FrontchannelLogoutUri: {
    form: 'text',
    description: 'What the browser of a person who signs out loads, at the origin of a redirect URI.',
  },
  FrontchannelLogoutSessionRequired: {
    form: 'flag',
    description: 'Kept as a note: every front-channel logout names the session (iss and sid).',
  },
  Jwks: { form: 'text', description: 'The public keys of the app, a JWK Set as JSON text; instead of JwksUri.' },
  JwksUri: { form: 'text', description: 'Where the JWK Set of the app is found, an https URL; instead of Jwks.' },
  TokenEndpointAuthMethod: {
    form: AUTH_METHODS,
    description: 'How the app proves who it is; client_secret is its secret, in the header or in the body.',
  },
  TokenEndpointAuthSigningAlg: {
    form: 'text',
    description: 'The one algorithm of its assertions; left out, any that fits the method.',
  },
  RequestObjectSigningAlg: {
    form: 'text',
    description: 'The one algorithm of its request objects, or none for unsigned ones; left out, any.',
  },
  RequireSignedRequestObject: {
    form: 'flag',
    description: 'What an authorization request asks is taken from a signed request object alone.',
  },
  RequestUris: {
    form: 'commas',
    description:
      'Where request objects of the app are fetched from, https URLs: a list, or one text with commas between.',
  },
  ClientAssertionAudience: {
    form: ASSERTION_AUDIENCES,
    description:
      'lenient takes the issuer or an endpoint as the audience of an assertion, issuer the issuer alone (FAPI 2).',
  },
}

/** An attribute of the record as files know it; one that is new here takes any single value. */
export const appField = ({ name, expects }: AppAttribute): Field =>
  DESCRIBED[name] ?? { form: 'other', description: `Expects ${expects}.` }

/** What a file may say of an app beside the declarative attributes. */
export const APP_EXTRAS: Readonly<Record<string, Field>> = {
  ApplicationUri: { form: 'text', description: 'Unique name of the app, its client_id; it can never change.' },
  IsEnabled: {
    form: 'flag',
    description: 'The kill switch. Left out: enabled where the app is new, else left as it is.',
  },
  SelfRegistered: {
    form: 'flag',
    description: 'The app registered itself. Left out: no where the app is new; it can never change.',
  },
  ApplicationSecret: {
    form: 'other',
    description: `The secrets, as \${NAME} of environment variables. Left out: the secrets stay as they are.`,
  },
  ApplicationSecretHash: {
    form: 'other',
    description: 'The secrets, as base64(SHA-256(secret)). Left out: the secrets stay as they are.',
  },
}

export const APP_FIELD_NAMES = [
  'ApplicationUri',
  ...APP_ATTRIBUTES.map(({ name }) => name),
  ...Object.keys(APP_EXTRAS).filter((name) => name !== 'ApplicationUri'),
]
