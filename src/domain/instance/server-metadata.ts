import { ASSERTION_ALGORITHMS, AUTH_METHODS, type ResponseType, SUBJECT_TYPES } from '../apps/app-choices.ts'
import { ACR_VALUES } from '../protocol/acr.ts'
import { PROTOCOL_SCOPES } from '../protocol/scope.ts'
import { SIGNING_ALGORITHMS } from '../protocol/signing-algorithm.ts'

interface Facts {
  readonly issuer: string
  readonly grantTypes: readonly string[]
  readonly responseTypes: readonly ResponseType[]
  readonly requestObjects: { readonly offered: boolean; readonly unsigned: boolean }
  readonly userClaims: readonly string[]
  readonly locales: readonly string[]
  /** Of every API resource. */
  readonly apiScopes: readonly string[]
  /** Whether apps may register themselves. */
  readonly registration: boolean
}

const CLIENT_AUTH_METHODS = AUTH_METHODS.filter((method) => method !== 'client_secret')

/** What this server tells clients about itself. @see OIDC Discovery §3, RFC 8414 §2 */
export const serverMetadata = ({
  issuer,
  grantTypes,
  responseTypes,
  userClaims,
  locales,
  apiScopes,
  registration,
  requestObjects,
}: Facts) => ({
  issuer,
  authorization_endpoint: `${issuer}/connect/authorize`,
  token_endpoint: `${issuer}/connect/token`,
  userinfo_endpoint: `${issuer}/connect/userinfo`,
  jwks_uri: `${issuer}/.well-known/openid-configuration/jwks`,
  revocation_endpoint: `${issuer}/connect/revocation`,
  introspection_endpoint: `${issuer}/connect/introspect`,
  end_session_endpoint: `${issuer}/connect/endsession`,
  ...(registration ? { registration_endpoint: `${issuer}/connect/register` } : {}),
  check_session_iframe: `${issuer}/connect/checksession`,
  backchannel_logout_supported: true,
  backchannel_logout_session_supported: true,
  frontchannel_logout_supported: true,
  frontchannel_logout_session_supported: true,
  scopes_supported: [...PROTOCOL_SCOPES, ...apiScopes],
  response_types_supported: responseTypes,
  response_modes_supported: ['query', 'fragment', 'form_post'],
  grant_types_supported: [...grantTypes, ...(responseTypes.includes('id_token') ? ['implicit'] : [])],
  subject_types_supported: SUBJECT_TYPES,
  id_token_signing_alg_values_supported: SIGNING_ALGORITHMS,
  userinfo_signing_alg_values_supported: SIGNING_ALGORITHMS,
  token_endpoint_auth_methods_supported: [...CLIENT_AUTH_METHODS, 'none'],
  token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  revocation_endpoint_auth_methods_supported: [...CLIENT_AUTH_METHODS, 'none'],
  revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  introspection_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
  introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  introspection_signing_alg_values_supported: SIGNING_ALGORITHMS,
  code_challenge_methods_supported: ['S256'],
  prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
  acr_values_supported: ACR_VALUES,
  claims_supported: [
    'sub',
    'iss',
    'aud',
    'exp',
    'iat',
    'auth_time',
    'nonce',
    'acr',
    'amr',
    'sid',
    'idp',
    ...userClaims,
  ],
  claims_parameter_supported: true,
  request_parameter_supported: requestObjects.offered,
  request_uri_parameter_supported: requestObjects.offered,
  ...(requestObjects.offered
    ? {
        require_request_uri_registration: true,
        request_object_signing_alg_values_supported: [
          ...SIGNING_ALGORITHMS,
          ...(requestObjects.unsigned ? ['none'] : []),
        ],
      }
    : {}),
  authorization_response_iss_parameter_supported: true,
  ui_locales_supported: locales,
})
