import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { SIGNING_ALGORITHMS } from '../../domain/protocol/signing-algorithm.ts'
import { type CompactJws, readCompactJws } from '../../lib/crypto/compact-jws.ts'
import { type AppJwtFault, type VerifySignature, whyBadHeader } from './verify-signature.ts'

const LONGEST = 16_384

interface Dependencies {
  readonly verifySignature: VerifySignature
  /** Whether a request object need not be signed where the record does not ask for it. */
  readonly unsigned: boolean
}

/** Reads a request object that an app has signed, or need not have signed. @see RFC 9101 §6.2, OIDC Core §6.3.2 */
export function createReadSignedRequest({ verifySignature, unsigned }: Dependencies) {
  return async function readSignedRequest(
    jwt: string,
    app: TrustedApplication,
  ): Promise<{ readonly claims: CompactJws['payload']; readonly signed: boolean } | AppJwtFault> {
    const jws = readCompactJws(jwt, LONGEST)
    if (!jws)
      return {
        rule: 'app-jwt-malformed',
        cause: `the request object is not a JWT in compact form of at most ${LONGEST} characters`,
      }
    const { header, payload: claims } = jws
    const fault = whyBadHeader(header, { algorithms: algorithmsOf(app, unsigned), types: ['oauth-authz-req+jwt'] })
    if (fault) return fault
    if (header['alg'] !== 'none') {
      const signed = await verifySignature(jwt, header, app)
      return 'rule' in signed ? signed : { claims, signed: true }
    }
    if (jwt.endsWith('.')) return { claims, signed: false }
    return { rule: 'app-jwt-malformed', cause: 'alg is none, but there is a signature' }
  }
}

function algorithmsOf(app: TrustedApplication, unsigned: boolean): readonly string[] {
  const { requestObjectSigningAlg: only, requireSignedRequestObject } = app
  const none = unsigned && !requireSignedRequestObject
  if (only !== undefined) return only === 'none' && !none ? [] : [only]
  return [...SIGNING_ALGORITHMS, ...(none ? ['none'] : [])]
}
