import { ACR_VALUES } from './acr.ts'
import { PROTOCOL_SCOPES } from './scope.ts'
import { SIGNING_ALGORITHMS } from './signing-algorithm.ts'
import type { ResponseType } from './trusted-application.ts'

interface Facts {
  readonly issuer: string
  readonly grantTypes: readonly string[]
  readonly responseTypes: readonly ResponseType[]
  readonly userClaims: readonly string[]
  readonly locales: readonly string[]
  /** Of every API resource. */
  readonly apiScopes: readonly string[]
}

const CLIENT_AUTH_METHODS = ['client_secret_basic', 'client_secret_post']

/** What this server tells clients about itself. @see OIDC Discovery §3, RFC 8414 §2 */
export const serverMetadata = ({ issuer, grantTypes, responseTypes, userClaims, locales, apiScopes }: Facts) => ({
  issuer,
  authorization_endpoint: `${issuer}/connect/authorize`,
  token_endpoint: `${issuer}/connect/token`,
  userinfo_endpoint: `${issuer}/connect/userinfo`,
  jwks_uri: `${issuer}/.well-known/openid-configuration/jwks`,
  revocation_endpoint: `${issuer}/connect/revocation`,
  introspection_endpoint: `${issuer}/connect/introspect`,
  end_session_endpoint: `${issuer}/connect/endsession`,
  scopes_supported: [...PROTOCOL_SCOPES, ...apiScopes],
  response_types_supported: responseTypes,
  response_modes_supported: ['query', 'fragment', 'form_post'],
  grant_types_supported: [...grantTypes, ...(responseTypes.includes('id_token') ? ['implicit'] : [])],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: SIGNING_ALGORITHMS,
  userinfo_signing_alg_values_supported: SIGNING_ALGORITHMS,
  token_endpoint_auth_methods_supported: [...CLIENT_AUTH_METHODS, 'none'],
  revocation_endpoint_auth_methods_supported: [...CLIENT_AUTH_METHODS, 'none'],
  introspection_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
  introspection_signing_alg_values_supported: SIGNING_ALGORITHMS,
  code_challenge_methods_supported: ['S256'],
  prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
  acr_values_supported: ACR_VALUES,
  claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'acr', 'amr', 'sid', ...userClaims],
  claims_parameter_supported: true,
  request_parameter_supported: false,
  request_uri_parameter_supported: false,
  authorization_response_iss_parameter_supported: true,
  ui_locales_supported: locales,
})
