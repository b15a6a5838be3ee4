import { DAY, HOUR, MINUTE } from '../../lib/time/clock.ts'
import type { SigningAlgorithm } from '../protocol/signing-algorithm.ts'
import type {
  AccessTokenFormat,
  AccessTokenPolicy,
  AssertionAlgorithm,
  AssertionAudience,
  AuthMethod,
  ClientType,
  RequestObjectAlgorithm,
  ResponseType,
  SubjectType,
} from './app-choices.ts'

/** One valid secret of an app: base64(SHA-256(secret)), never the secret. */
export interface AppSecret {
  readonly id: string
  readonly hash: string
  /** What an administrator calls it. */
  readonly label: string | undefined
  readonly createdAt: number
  /** Milliseconds since 1970; `undefined` does not expire. */
  readonly expiresAt: number | undefined
  /** Milliseconds since 1970, some minutes exact; `undefined` was never used. */
  readonly lastUsedAt: number | undefined
  /** The secret under the master key, for an app that makes MACs with it. */
  readonly sealed?: string | undefined
}

export type NewAppSecret = Omit<AppSecret, 'lastUsedAt' | 'label'> & Partial<Pick<AppSecret, 'label'>>

/** The declarative part of the record: what an administrator registers and may change. */
export interface AppRegistration {
  /** The `client_id`. */
  readonly applicationUri: string
  readonly name: string
  readonly clientType: ClientType
  /** Redirect URIs. */
  readonly impersonateLoginUrl: readonly string[]
  /** Post-logout redirect URIs. */
  readonly impersonateLogoutUrl: readonly string[]
  readonly impersonateAsInternalUserAllowed: boolean
  readonly impersonateAsCommunityUserAllowed: boolean
  readonly systemUserAllowed: boolean
  /** The id of the System User that the app acts as on its own. */
  readonly systemUser: string | undefined
  /** API scopes the app may ask for. */
  readonly scope: readonly string[]
  /** Identifiers of the API resources it may name beside the default one. @see RFC 8707 */
  readonly apiResources: readonly string[]
  /** May hold the scope `sec` of the administration API. */
  readonly administrationAllowed: boolean
  readonly accessTokens: AccessTokenPolicy
  readonly accessTokenFormat: AccessTokenFormat
  readonly basicAuthenticationAllowed: boolean
  readonly requirePkce: boolean
  readonly requireConsent: boolean
  /** How long a rotated refresh token gets the same answer again, in seconds; 0 is never. */
  readonly refreshReplayWindow: number
  /** Seconds; `undefined` takes the default. */
  readonly accessTokenLifetime: number | undefined
  readonly refreshTokenLifetime: number | undefined
  readonly responseTypes: readonly ResponseType[]
  /** Of everything that is signed for the app; `undefined` takes the instance's own. */
  readonly signingAlgorithm: SigningAlgorithm | undefined
  /** Makes UserInfo a JWT signed with it; `undefined` is plain JSON. @see OIDC Core §5.3.2 */
  readonly userinfoSignedResponseAlg: SigningAlgorithm | undefined
  readonly logoUri: string | undefined
  readonly policyUri: string | undefined
  readonly tosUri: string | undefined
  readonly subjectType: SubjectType
  /** Its host names the sector of a pairwise app; `undefined` takes the host of the redirect URIs. @see OIDC Core §8.1 */
  readonly sectorIdentifierUri: string | undefined
  /** Seconds after which people sign in again, where the request does not say. @see OIDC Registration §2 */
  readonly defaultMaxAge: number | undefined
  /** Kept as a note: every ID token says when the person signed in. */
  readonly requireAuthTime: boolean
  /** The `acr_values` of a request that names none. */
  readonly defaultAcrValues: readonly string[]
  readonly clientUri: string | undefined
  readonly contacts: readonly string[]
  /** Where a sign-in that begins elsewhere is sent. @see OIDC Core §4 */
  readonly initiateLoginUri: string | undefined
  /** Whether the app registered itself; it never changes. @see RFC 7591 */
  readonly selfRegistered: boolean
  /** Where this server tells the app that a person signed out. @see OIDC Back-Channel Logout §2.2 */
  readonly backchannelLogoutUri: string | undefined
  /** Kept as registered: the session is always named. */
  readonly backchannelLogoutSessionRequired: boolean
  /** What the browser of a person who signs out loads. @see OIDC Front-Channel Logout §2 */
  readonly frontchannelLogoutUri: string | undefined
  /** Kept as registered: the session is always named. */
  readonly frontchannelLogoutSessionRequired: boolean
  /** A JWK Set as JSON text; an app has this, or a `jwksUri`, or neither. @see RFC 7517 §5 */
  readonly jwks: string | undefined
  /** Where its JWK Set is found. */
  readonly jwksUri: string | undefined
  readonly tokenEndpointAuthMethod: AuthMethod
  /** The one algorithm its assertions have; `undefined` is any that fits the method. */
  readonly tokenEndpointAuthSigningAlg: AssertionAlgorithm | undefined
  readonly clientAssertionAudience: AssertionAudience
  /** The one algorithm its request objects have; `undefined` is any. */
  readonly requestObjectSigningAlg: RequestObjectAlgorithm | undefined
  /** Takes what an authorization request asks from a signed request object alone. @see RFC 9101 §10.5 */
  readonly requireSignedRequestObject: boolean
  /** Where its request objects may be fetched from. */
  readonly requestUris: readonly string[]
}

/** A Trusted Application as it is stored: the OAuth client. */
export interface TrustedApplication extends AppRegistration {
  readonly secrets: readonly AppSecret[]
  readonly isEnabled: boolean
  /** Counts up whenever everything issued to the app so far must die. */
  readonly epoch: number
  readonly createdAt: number
  readonly updatedAt: number
}

/** What a record holds where its administrator said nothing. */
export const APP_DEFAULTS: Omit<AppRegistration, 'applicationUri' | 'name' | 'clientType'> = {
  impersonateLoginUrl: [],
  impersonateLogoutUrl: [],
  impersonateAsInternalUserAllowed: false,
  impersonateAsCommunityUserAllowed: false,
  systemUserAllowed: false,
  systemUser: undefined,
  scope: [],
  apiResources: [],
  administrationAllowed: false,
  accessTokens: 'None',
  accessTokenFormat: 'jwt',
  basicAuthenticationAllowed: false,
  requirePkce: false,
  requireConsent: true,
  refreshReplayWindow: 10,
  accessTokenLifetime: undefined,
  refreshTokenLifetime: undefined,
  responseTypes: ['code'],
  signingAlgorithm: undefined,
  userinfoSignedResponseAlg: undefined,
  logoUri: undefined,
  policyUri: undefined,
  tosUri: undefined,
  subjectType: 'public',
  sectorIdentifierUri: undefined,
  defaultMaxAge: undefined,
  requireAuthTime: false,
  defaultAcrValues: [],
  clientUri: undefined,
  contacts: [],
  initiateLoginUri: undefined,
  selfRegistered: false,
  backchannelLogoutUri: undefined,
  backchannelLogoutSessionRequired: false,
  frontchannelLogoutUri: undefined,
  frontchannelLogoutSessionRequired: false,
  jwks: undefined,
  jwksUri: undefined,
  tokenEndpointAuthMethod: 'client_secret',
  tokenEndpointAuthSigningAlg: undefined,
  clientAssertionAudience: 'lenient',
  requestObjectSigningAlg: undefined,
  requireSignedRequestObject: false,
  requestUris: [],
}

export const AUTHORIZATION_CODE_LIFETIME = MINUTE
export const ID_TOKEN_LIFETIME = 5 * MINUTE

/** Milliseconds an access token of this app is valid. */
export const accessTokenLifetime = (app: AppRegistration): number => (app.accessTokenLifetime ?? 3600) * 1000

/** Milliseconds a family of refresh tokens lives, however often it rotates. */
export const refreshTokenLifetime = (app: AppRegistration): number =>
  app.refreshTokenLifetime !== undefined
    ? app.refreshTokenLifetime * 1000
    : app.clientType === 'Public'
      ? 24 * HOUR
      : 30 * DAY

/** The longest replay window an app can have, in milliseconds. */
export const LONGEST_REPLAY_WINDOW = MINUTE

/** The longest any signed token can live, for keeping old verification keys. */
export const LONGEST_ACCESS_TOKEN = 24 * HOUR

/** May people sign in through the app at all? */
export const isInteractive = (app: AppRegistration): boolean =>
  app.clientType !== 'None' && (app.impersonateAsInternalUserAllowed || app.impersonateAsCommunityUserAllowed)

/** PKCE is forced for Public apps and, by the record, for others. @see RFC 9700 §2.1.1 */
export const needsPkce = (app: AppRegistration): boolean => app.clientType === 'Public' || app.requirePkce
