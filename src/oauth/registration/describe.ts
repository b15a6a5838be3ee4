import type { SelfRegistration } from '../../domain/apps/self-registration.ts'
import type { AppRegistration } from '../../domain/apps/trusted-application.ts'
import { PROTOCOL_SCOPES } from '../../domain/protocol/scope.ts'
import { type SigningAlgorithm, signingAlgorithmOf } from '../../domain/protocol/signing-algorithm.ts'
import { inSeconds } from '../../lib/time/clock.ts'
import { MEMBERS } from './client-metadata.ts'

/** What an app is told of itself. @see RFC 7591 §3.2.1 */
export type ClientInformation = Readonly<Record<string, unknown>>

interface Described {
  readonly app: AppRegistration
  readonly registration: SelfRegistration
  /** The registration access token, as somebody just sent it or it was just made. */
  readonly token: string
  /** A secret that was made just now; the server keeps no other. */
  readonly secret: string | undefined
}

/** As the record says by now; which of two places the secret is sent in is the app's affair. */
function methodOf(
  { clientType, tokenEndpointAuthMethod: method }: AppRegistration,
  { metadata }: SelfRegistration,
): string {
  if (clientType !== 'Confidential') return 'none'
  if (method !== 'client_secret') return method
  const said = metadata.token_endpoint_auth_method
  return said === 'client_secret_post' ? said : 'client_secret_basic'
}

/** The answer to a registration, and to whoever asks for it again. @see RFC 7592 §3 */
export const describeClient = (
  { app, registration, token, secret }: Described,
  { issuer, defaultAlgorithm }: { readonly issuer: string; readonly defaultAlgorithm: SigningAlgorithm },
): ClientInformation => ({
  client_id: app.applicationUri,
  client_id_issued_at: inSeconds(registration.createdAt),
  // 0 does not expire.
  ...(secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 }),
  registration_access_token: token,
  registration_client_uri: `${issuer}/connect/register/${encodeURIComponent(app.applicationUri)}`,
  ...registration.metadata,
  token_endpoint_auth_method: methodOf(app, registration),
  response_types: app.responseTypes,
  scope: [...PROTOCOL_SCOPES, ...app.scope].join(' '),
  id_token_signed_response_alg: signingAlgorithmOf(app, defaultAlgorithm),
  ...Object.fromEntries(
    Object.entries(app.localizedNames).map(([language, name]) => [`client_name#${language}`, name]),
  ),
  ...Object.fromEntries(
    MEMBERS.map(({ name, show }) => [name, show(app)] as const).filter(([, value]) => value !== undefined),
  ),
})
