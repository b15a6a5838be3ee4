import { ASSERTION_ALGORITHMS, REQUEST_OBJECT_ALGORITHMS, SUBJECT_TYPES } from '../../domain/apps/app-choices.ts'
import { APP_DEFAULTS, type AppRegistration } from '../../domain/apps/trusted-application.ts'
import { SIGNING_ALGORITHMS } from '../../domain/protocol/signing-algorithm.ts'
import {
  flag,
  type Kind,
  keySet,
  MetadataFault,
  oneOf,
  optionalOneOf,
  optionalText,
  seconds,
  text,
  texts,
} from './metadata-kinds.ts'

/** A member of client metadata, and the attribute of the record that it is. */
export interface Member {
  readonly name: string
  readonly attribute: string
  /** Whether this server fetches what is at the URL. */
  readonly fetched: boolean
  /** @throws MetadataFault */
  readonly read: (value: unknown) => Partial<AppRegistration>
  /** What an app has that says nothing of it. */
  readonly standard: Partial<AppRegistration>
  /** `undefined` is left out. */
  readonly show: (app: AppRegistration) => unknown
}

const member = <K extends keyof AppRegistration>(
  name: string,
  attribute: string,
  key: K,
  kind: Kind<AppRegistration[K]>,
  { fetched = false }: { readonly fetched?: boolean } = {},
): Member => ({
  name,
  attribute,
  fetched,
  read: (value) => ({ [key]: kind.read(value) }),
  standard: key in APP_DEFAULTS ? { [key]: APP_DEFAULTS[key as keyof typeof APP_DEFAULTS] } : {},
  show: (app) => kind.show(app[key]),
})

/** What is kept in the record one to one: a line for each. @see RFC 7591 §2, OIDC Registration §2 */
export const MEMBERS: readonly Member[] = [
  member('redirect_uris', 'ImpersonateLoginUrl', 'impersonateLoginUrl', texts(20)),
  member('post_logout_redirect_uris', 'ImpersonateLogoutUrl', 'impersonateLogoutUrl', texts(20)),
  member('client_name', 'Name', 'name', text),
  member('client_uri', 'ClientUri', 'clientUri', optionalText),
  member('logo_uri', 'LogoUri', 'logoUri', optionalText),
  member('policy_uri', 'PolicyUri', 'policyUri', optionalText),
  member('tos_uri', 'TosUri', 'tosUri', optionalText),
  member('contacts', 'Contacts', 'contacts', texts(10)),
  member('initiate_login_uri', 'InitiateLoginUri', 'initiateLoginUri', optionalText),
  member('default_max_age', 'DefaultMaxAge', 'defaultMaxAge', seconds),
  member('require_auth_time', 'RequireAuthTime', 'requireAuthTime', flag),
  member('default_acr_values', 'DefaultAcrValues', 'defaultAcrValues', texts(10)),
  member('id_token_signed_response_alg', 'SigningAlgorithm', 'signingAlgorithm', optionalOneOf(SIGNING_ALGORITHMS)),
  member(
    'userinfo_signed_response_alg',
    'UserinfoSignedResponseAlg',
    'userinfoSignedResponseAlg',
    optionalOneOf(SIGNING_ALGORITHMS),
  ),
  member('jwks', 'Jwks', 'jwks', keySet),
  member('jwks_uri', 'JwksUri', 'jwksUri', optionalText, { fetched: true }),
  member(
    'token_endpoint_auth_signing_alg',
    'TokenEndpointAuthSigningAlg',
    'tokenEndpointAuthSigningAlg',
    optionalOneOf(ASSERTION_ALGORITHMS),
  ),
  member(
    'request_object_signing_alg',
    'RequestObjectSigningAlg',
    'requestObjectSigningAlg',
    optionalOneOf(REQUEST_OBJECT_ALGORITHMS),
  ),
  member('require_signed_request_object', 'RequireSignedRequestObject', 'requireSignedRequestObject', flag),
  member('request_uris', 'RequestUris', 'requestUris', texts(20)),
  member('subject_type', 'SubjectType', 'subjectType', oneOf(SUBJECT_TYPES)),
  member('sector_identifier_uri', 'SectorIdentifierUri', 'sectorIdentifierUri', optionalText, { fetched: true }),
  member('backchannel_logout_uri', 'BackchannelLogoutUri', 'backchannelLogoutUri', optionalText, { fetched: true }),
  member(
    'backchannel_logout_session_required',
    'BackchannelLogoutSessionRequired',
    'backchannelLogoutSessionRequired',
    flag,
  ),
  member('frontchannel_logout_uri', 'FrontchannelLogoutUri', 'frontchannelLogoutUri', optionalText),
  member(
    'frontchannel_logout_session_required',
    'FrontchannelLogoutSessionRequired',
    'frontchannelLogoutSessionRequired',
    flag,
  ),
]

/** One thing that is wrong with client metadata, by the name of the member. */
export interface MetadataComplaint {
  readonly name: string
  readonly reason: string
}

/** Reads a member; `null` says as little as nothing at all. @see RFC 7592 §2.2 */
export function readMember<T>(
  body: Readonly<Record<string, unknown>>,
  name: string,
  read: (value: unknown) => T,
  standard: T,
  complaints: MetadataComplaint[],
): T {
  const value = Object.hasOwn(body, name) ? body[name] : undefined
  if (value === undefined || value === null) return standard
  try {
    return read(value)
  } catch (error) {
    if (!(error instanceof MetadataFault)) throw error
    complaints.push({ name, reason: error.message })
    return standard
  }
}

/** What a member is called whose attribute is at fault. */
export const memberOf = (attribute: string): string =>
  MEMBERS.find((known) => known.attribute === attribute)?.name ?? OTHERS[attribute] ?? attribute

const OTHERS: Readonly<Record<string, string>> = {
  ClientType: 'token_endpoint_auth_method',
  TokenEndpointAuthMethod: 'token_endpoint_auth_method',
  ResponseTypes: 'response_types',
  Scope: 'scope',
}
