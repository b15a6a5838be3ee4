import type { ResponseType } from '../../../domain/apps/app-choices.ts'
import type { TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import type { RequestedClaims } from '../../../domain/protocol/requested-claims.ts'

export const RESPONSE_MODES = ['query', 'fragment', 'form_post'] as const
export type ResponseMode = (typeof RESPONSE_MODES)[number]

export const PROMPTS = ['none', 'login', 'consent', 'select_account'] as const
export type Prompt = (typeof PROMPTS)[number]

/** App and redirect URI are proved to belong together: from here on an error may be redirected. */
export interface Redirectable {
  readonly app: TrustedApplication
  readonly redirectUri: string
  /** Whether the request named it, or left out the only one there is; then the token request need not name it either. @see RFC 6749 §4.1.3 */
  readonly namesRedirect: boolean
  /** Returned byte for byte. */
  readonly state: string | undefined
  /** Where the parameters of the answer go. */
  readonly responseMode: ResponseMode
}

/** An authorization request that passed every check. @see RFC 6749 §4.1.1, OIDC Core §3.1.2.1 */
export interface AuthorizationRequest extends Redirectable {
  readonly responseType: ResponseType
  readonly scope: readonly string[]
  /** Names in `scope` that nobody here knows. */
  readonly ignoredScope: readonly string[]
  /** Whether `scope` was not sent, and stands for the API scopes of the record. */
  readonly isScopeDefault: boolean
  /** The API resources the app named; empty is the default. @see RFC 8707 §2.1 */
  readonly resources: readonly string[]
  readonly codeChallenge: string | undefined
  /** The claims the app asked for by name. @see OIDC Core §5.5 */
  readonly claims: RequestedClaims
  readonly nonce: string | undefined
  readonly prompt: ReadonlySet<Prompt>
  /** Seconds. */
  readonly maxAge: number | undefined
  readonly loginHint: string | undefined
  /** The `sub` somebody must sign in as. */
  readonly subjectHint: string | undefined
}

/** Every parameter that matters later; what else a client sends is ignored and not kept. */
export const KEPT_PARAMETERS = [
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'state',
  'scope',
  'resource',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'prompt',
  'max_age',
  'login_hint',
  'id_token_hint',
  'ui_locales',
  'acr_values',
  'claims',
] as const
