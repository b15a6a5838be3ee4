import { APP_ATTRIBUTES, type AppAttribute } from '../domain/app-attributes.ts'
import { SIGNING_ALGORITHMS } from '../domain/signing-algorithm.ts'
import { ACCESS_TOKEN_FORMATS, ACCESS_TOKEN_POLICIES, CLIENT_TYPES } from '../domain/trusted-application.ts'
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
