import type { Clock } from '../../../lib/time/clock.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import { verifyOwnJwt } from './verify-own-jwt.ts'

/** What an ID token of ours, expired or not, says about a session. */
export interface IdTokenHint {
  readonly sub: string
  readonly sid: string | undefined
  /** The `client_id` it was issued to. */
  readonly app: string
}

/** Reads hints: genuine ID tokens of this server, whatever their age. @see OIDC RP-Initiated Logout §2 */
export const createReadIdTokenHint =
  (keys: Pick<SigningKeys, 'verificationKey'>, issuer: string, clock: Clock) =>
  async (idToken: string): Promise<IdTokenHint | undefined> => {
    const claims = await verifyOwnJwt(idToken, keys, { typ: 'JWT', issuer, clock, acceptExpired: true })
    if (claims?.sub === undefined || typeof claims.aud !== 'string') return undefined
    const { sub, aud: app, sid } = claims
    return { sub, app, sid: typeof sid === 'string' ? sid : undefined }
  }
