import type { JWTPayload } from 'jose'
import type { AppRegistration } from '../../../domain/apps/trusted-application.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'

interface Dependencies {
  readonly keys: Pick<SigningKeys, 'sign'>
  readonly issuer: string
}

/** What UserInfo tells as a JWT; `undefined` for an app that takes plain JSON. */
export type SignUserInfo = (
  claims: JWTPayload,
  app: Pick<AppRegistration, 'applicationUri' | 'userinfoSignedResponseAlg'>,
) => Promise<string | undefined>

/** Without `exp` and `iat` it passes for no ID token. @see OIDC Core §5.3.2, RFC 8725 §3.11 */
export const createSignUserInfo =
  ({ keys, issuer }: Dependencies): SignUserInfo =>
  async (claims, { applicationUri, userinfoSignedResponseAlg: algorithm }) =>
    algorithm && keys.sign({ ...claims, iss: issuer, aud: applicationUri }, 'JWT', algorithm)
