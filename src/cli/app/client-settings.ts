import type { Config } from '../../config/read-config.ts'
import { type AppRegistration, isInteractive } from '../../domain/apps/trusted-application.ts'
import { serverMetadata } from '../../domain/instance/server-metadata.ts'
import type { PROTOCOL_SCOPES } from '../../domain/protocol/scope.ts'
import { signingAlgorithmOf } from '../../domain/protocol/signing-algorithm.ts'

const OFFERED = ['openid', 'profile', 'email'] as const satisfies readonly (typeof PROTOCOL_SCOPES)[number][]

/** What the app's own configuration needs, under the names of OpenID Connect. @see RFC 7591 §2, RFC 8414 §2 */
export function settingsFor(
  app: AppRegistration,
  secret: string | undefined,
  config: Pick<Config, 'issuer' | 'signingAlgorithm'>,
) {
  const { issuer, signingAlgorithm } = config
  const server = serverMetadata({
    issuer,
    grantTypes: [],
    responseTypes: [],
    requestObjects: { offered: false, unsigned: false },
    userClaims: [],
    locales: [],
    apiScopes: [],
    registration: false,
  })
  return {
    client_id: app.applicationUri,
    ...(secret === undefined ? {} : { client_secret: secret }),
    issuer,
    discovery: `${issuer}/.well-known/openid-configuration`,
    authorization_endpoint: server.authorization_endpoint,
    token_endpoint: server.token_endpoint,
    userinfo_endpoint: server.userinfo_endpoint,
    jwks_uri: server.jwks_uri,
    revocation_endpoint: server.revocation_endpoint,
    introspection_endpoint: server.introspection_endpoint,
    end_session_endpoint: server.end_session_endpoint,
    token_endpoint_auth_method: authMethodOf(app),
    id_token_signed_response_alg: signingAlgorithmOf(app, signingAlgorithm),
    redirect_uris: app.impersonateLoginUrl,
    post_logout_redirect_uris: app.impersonateLogoutUrl,
    scope: [...(isInteractive(app) ? OFFERED : []), ...app.scope].join(' '),
  }
}

/** A secret may be sent either way; libraries want one named. */
const authMethodOf = ({ clientType, tokenEndpointAuthMethod: method }: AppRegistration): string => {
  if (clientType !== 'Confidential') return 'none'
  return method === 'client_secret' ? 'client_secret_basic' : method
}

const ONLY_FOR_PEOPLE = [
  'authorization_endpoint',
  'userinfo_endpoint',
  'end_session_endpoint',
  'id_token_signed_response_alg',
  'redirect_uris',
  'post_logout_redirect_uris',
]

/** The settings as lines for people; those that the app has no use for are left out. */
export const linesOf = (
  settings: ReturnType<typeof settingsFor>,
  app: AppRegistration,
): [string, string | readonly string[]][] =>
  Object.entries(settings).filter(([name]) => isInteractive(app) || !ONLY_FOR_PEOPLE.includes(name))
