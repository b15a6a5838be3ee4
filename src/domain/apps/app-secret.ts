import type { AppRegistration, AppSecret } from './trusted-application.ts'

/** For what secrets are sealed that apps make MACs with; each box belongs to the id of its secret. */
export const APP_SECRETS = 'app-secrets'

/** Whether the secrets of the app must be readable: of all others only a hash is kept. @see OIDC Core §10.1 */
export const needsReadableSecret = (app: Pick<AppRegistration, 'clientType' | 'tokenEndpointAuthMethod'>): boolean =>
  app.clientType === 'Confidential' && app.tokenEndpointAuthMethod === 'client_secret_jwt'

/** Whether the app proves itself with a secret at all, rather than by its keys or not. @see RFC 7523 §2.2 */
export const provesItselfBySecret = (app: Pick<AppRegistration, 'clientType' | 'tokenEndpointAuthMethod'>): boolean =>
  app.clientType === 'Confidential' && app.tokenEndpointAuthMethod !== 'private_key_jwt'

/** How many secrets of an app may be valid at once: the one in use, and the one that takes over. */
export const MOST_VALID_SECRETS = 2

/** @param now milliseconds since 1970 */
export const isValidSecret = ({ expiresAt }: Pick<AppSecret, 'expiresAt'>, now: number): boolean =>
  expiresAt === undefined || expiresAt > now

// Of the empty text, which no secret is.
const NOTHING = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='

/** Says why a text cannot be the hash of a secret, or `undefined`. */
export function whyBadSecretHash(hash: string): string | undefined {
  const bytes = Buffer.from(hash, 'base64')
  if (bytes.length !== 32 || bytes.toString('base64') !== hash)
    return 'is not a base64 SHA-256; create one with: printf %s "$SECRET" | openssl dgst -sha256 -binary | base64'
  return hash === NOTHING ? 'is the hash of an empty secret' : undefined
}
