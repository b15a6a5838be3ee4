import { SIGNING_ALGORITHMS } from '../protocol/signing-algorithm.ts'

export const CLIENT_TYPES = ['Confidential', 'Public', 'None'] as const
export type ClientType = (typeof CLIENT_TYPES)[number]

export const ACCESS_TOKEN_POLICIES = ['None', 'AuthenticatedUsers', 'AdministratorsOnly'] as const
export type AccessTokenPolicy = (typeof ACCESS_TOKEN_POLICIES)[number]

/** An access token is signed for everybody to read, or a reference that only this server can read. */
export const ACCESS_TOKEN_FORMATS = ['jwt', 'reference'] as const
export type AccessTokenFormat = (typeof ACCESS_TOKEN_FORMATS)[number]

/** How an app proves who it is; `client_secret` stands for its secret sent either way. @see OIDC Core §9 */
export const AUTH_METHODS = [
  'client_secret',
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
] as const
export type AuthMethod = (typeof AUTH_METHODS)[number]

/** Whom an app may name as the audience of its assertion: this server or one of its endpoints, or the issuer alone. @see FAPI 2.0 Security Profile §5.3.2.1 */
export const ASSERTION_AUDIENCES = ['lenient', 'issuer'] as const
export type AssertionAudience = (typeof ASSERTION_AUDIENCES)[number]

/** What an app may sign with; a MAC is made with its secret. @see RFC 7518 §3.1 */
export const ASSERTION_ALGORITHMS = [...SIGNING_ALGORITHMS, 'HS256'] as const
export type AssertionAlgorithm = (typeof ASSERTION_ALGORITHMS)[number]

/** What a request object may be signed with, or that it is not signed at all. @see OIDC Registration §2 */
export const REQUEST_OBJECT_ALGORITHMS = [...SIGNING_ALGORITHMS, 'none'] as const
export type RequestObjectAlgorithm = (typeof REQUEST_OBJECT_ALGORITHMS)[number]

export const RESPONSE_TYPES = ['code', 'code id_token'] as const
/** They hand tokens out through the browser, for old clients; offered only where the operator says so. @see RFC 9700 §2.1.2 */
export const IMPLICIT_RESPONSE_TYPES = ['id_token', 'id_token token', 'code token', 'code id_token token'] as const
export const ALL_RESPONSE_TYPES = [...RESPONSE_TYPES, ...IMPLICIT_RESPONSE_TYPES] as const
export type ResponseType = (typeof ALL_RESPONSE_TYPES)[number]

/** Whether the answer of the authorization endpoint itself holds a code, an ID token or an access token. */
export const answersWith = (type: ResponseType, part: 'code' | 'id_token' | 'token'): boolean =>
  type.split(' ').includes(part)

/** Whether apps of different sectors know a person by the same `sub`. @see OIDC Core §8 */
export const SUBJECT_TYPES = ['public', 'pairwise'] as const
export type SubjectType = (typeof SUBJECT_TYPES)[number]
