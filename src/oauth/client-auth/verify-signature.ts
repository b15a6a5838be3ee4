import type { KeyObject } from 'node:crypto'
import { compactVerify, errors } from 'jose'
import { isValidSecret } from '../../domain/apps/app-secret.ts'
import type { AppSecret, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../../domain/protocol/signing-algorithm.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import type { CompactJws } from '../../lib/crypto/compact-jws.ts'
import type { MarkReader, SealedRows } from '../../lib/crypto/master-keys.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { AppKeys, FoundKeys } from './app-keys.ts'

/** Why what an app signed does not count, for the operator. */
export interface AppJwtFault {
  readonly rule: RefusalRule
  readonly cause: string
}

type Header = CompactJws['header']

interface Expected {
  /** Those the app may use. */
  readonly algorithms: readonly string[]
  /** The media types such a JWT may declare; none is always right. @see RFC 8725 §3.11 */
  readonly types: readonly string[]
}

// Each asymmetric verification costs; nobody has more keys of one kind in use.
const MOST_TRIED = 4

/** Checks a header before anything is computed: no key is ever taken from it. @see RFC 8725 §3.1 */
export function whyBadHeader(header: Header, { algorithms, types }: Expected): AppJwtFault | undefined {
  const { alg, typ } = header
  if (typeof alg !== 'string' || !algorithms.includes(alg)) {
    const sent = typeof alg === 'string' ? alg.slice(0, 20) : 'nothing'
    return { rule: 'app-jwt-algorithm', cause: `alg is ${sent}; this app may use ${algorithms.join(', ')}` }
  }
  if (Object.hasOwn(header, 'crit'))
    return { rule: 'app-jwt-header-unsupported', cause: 'crit names extensions, but this server supports none' }
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ
  if (type === undefined || (typeof type === 'string' && ['jwt', ...types].includes(type))) return undefined
  return { rule: 'app-jwt-header-unsupported', cause: 'typ says that this JWT was made for something else' }
}

interface Dependencies {
  readonly appKeys: Pick<AppKeys, 'find' | 'findNewer'>
  readonly sealedSecrets: Pick<SealedRows, 'openUnlessLost'>
  readonly read: MarkReader
  readonly clock: Clock
}

/** What proves that an app signed; the secret where it is a MAC. */
export type Signed = { readonly secret: AppSecret | undefined }

export type VerifySignature = ReturnType<typeof createVerifySignature>

/** Verifies what an app signed, by its public keys, or by its secret where the algorithm is a MAC. */
export function createVerifySignature({ appKeys, sealedSecrets, read, clock }: Dependencies) {
  async function byKeys(
    jws: string,
    { kid }: Header,
    alg: SigningAlgorithm,
    { keys, failure }: FoundKeys,
  ): Promise<Signed | AppJwtFault> {
    if (failure !== undefined)
      return { rule: 'app-keys-unreachable', cause: `the key set at JwksUri could not be fetched: ${failure}` }
    const fitting = keys.filter(
      (key) => key.algorithms.includes(alg) && (kid === undefined || key.kid === undefined || key.kid === kid),
    )
    if (fitting.length === 0)
      return {
        rule: 'app-key-unknown',
        cause: `the app has no key for ${alg}${kid === undefined ? '' : ' with this kid'}`,
      }
    for (const { key } of fitting.slice(0, MOST_TRIED)) if (await holds(jws, key, alg)) return { secret: undefined }
    return { rule: 'app-signature-wrong', cause: 'the signature was not made with the key of the app' }
  }

  async function bySecrets(jws: string, { secrets }: TrustedApplication): Promise<Signed | AppJwtFault> {
    const now = clock()
    const valid = secrets.filter((secret) => isValidSecret(secret, now))
    const kept = valid.filter(({ sealed }) => sealed !== undefined)
    const lost: string[] = []
    for (const secret of kept) {
      const clear = await sealedSecrets.openUnlessLost(read, secret.sealed ?? '', secret.id)
      if (clear === undefined) lost.push(secret.id)
      else if (await holds(jws, Buffer.from(clear, 'utf8'), 'HS256')) return { secret }
    }
    if (lost.length > 0)
      return {
        rule: 'app-secret-does-not-open',
        cause: `the secret ${lost.join(' and ')} of the app does not open under any master key at hand`,
      }
    if (kept.length < valid.length || kept.length === 0)
      return {
        rule: 'app-secret-not-kept',
        cause: 'only the hash of a secret made before client_secret_jwt is stored',
      }
    return { rule: 'app-signature-wrong', cause: 'the MAC was not made with a secret of the app' }
  }

  /** @param header of the JWS, checked already */
  return async function verifySignature(
    jws: string,
    header: Header,
    app: TrustedApplication,
  ): Promise<Signed | AppJwtFault> {
    const alg = SIGNING_ALGORITHMS.find((known) => known === header['alg'])
    if (alg === undefined) return bySecrets(jws, app)
    if (app.jwks === undefined && app.jwksUri === undefined)
      return { rule: 'app-keys-missing', cause: 'the app has neither Jwks nor JwksUri' }
    const found = await appKeys.find(app)
    const verified = await byKeys(jws, header, alg, found)
    if (!('rule' in verified)) return verified
    const newer = await appKeys.findNewer(app, found)
    return newer ? byKeys(jws, header, alg, newer) : verified
  }
}

/** The algorithm comes from the list, never from the JWT alone. */
async function holds(jws: string, key: KeyObject | Uint8Array, algorithm: string): Promise<boolean> {
  try {
    await compactVerify(jws, key, { algorithms: [algorithm] })
    return true
  } catch (error) {
    if (error instanceof errors.JOSEError) return false
    throw error
  }
}
