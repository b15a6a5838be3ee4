import { type CryptoKey, importJWK, type JWTPayload, SignJWT } from 'jose'
import type { AppRegistration } from '../../../domain/apps/trusted-application.ts'
import { type SigningAlgorithm, signingAlgorithmOf } from '../../../domain/protocol/signing-algorithm.ts'
import {
  activeKeys,
  KEY_LEEWAY,
  type KeySchedule,
  type KeyState,
  stateOfKey,
} from '../../../domain/tokens/signing-key-life.ts'
import type { SealedRows } from '../../../lib/crypto/master-keys.ts'
import type { Clock } from '../../../lib/time/clock.ts'
import type { SigningKeyStore, StoredSigningKey } from '../../../store/repositories/tokens/signing-keys.ts'
import type { Write } from '../../../store/store.ts'
import { createKeyRotation } from './key-rotation.ts'

export interface ListedKey extends StoredSigningKey {
  readonly state: KeyState
}

/** The `typ` a signed token carries, so that no kind passes for another. @see RFC 8725 §3.11 */
export type TokenType = 'at+jwt' | 'JWT' | 'token-introspection+jwt' | 'logout+jwt'

/** What of an app says how to sign for it. */
export type SignedFor = Pick<AppRegistration, 'signingAlgorithm'>

export type SigningKeys = ReturnType<typeof createSigningKeys>

interface Dependencies {
  readonly signingKeys: Pick<SigningKeyStore, 'list' | 'kinOf'>
  readonly writeAlone: Write<'signingKeys' | 'masterKey' | 'auditEvents'>
  readonly sealed: SealedRows
  readonly clock: Clock
  /** The instance's own, for apps whose record names none. */
  readonly algorithm: SigningAlgorithm
  readonly schedule: KeySchedule
}

/** The keys that sign tokens: at rest under the master key, found by `kid`, rotated by the clock. */
export function createSigningKeys(dependencies: Dependencies) {
  const { signingKeys, sealed, clock, algorithm: defaultAlgorithm } = dependencies
  const rotation = createKeyRotation(dependencies)
  // A kid names one key for ever, so an imported key never grows stale.
  const imported = new Map<string, Promise<CryptoKey>>()
  const making = new Map<SigningAlgorithm, Promise<void>>()

  const importOnce = (
    id: string,
    jwk: Readonly<Record<string, unknown>>,
    alg: SigningAlgorithm,
  ): Promise<CryptoKey> => {
    const known = imported.get(id) ?? (importJWK(jwk, alg) as Promise<CryptoKey>)
    imported.set(id, known)
    return known
  }

  async function list(): Promise<ListedKey[]> {
    return withState(await signingKeys.list(), clock())
  }

  /** Requests that come at once wait for one key, rather than make one each. */
  async function makeFirst(algorithm: SigningAlgorithm): Promise<void> {
    const made = making.get(algorithm) ?? rotation.ensure([algorithm])
    making.set(algorithm, made)
    await made.finally(() => making.delete(algorithm))
  }

  async function signingKey(algorithm: SigningAlgorithm): Promise<StoredSigningKey> {
    const find = async () => activeKeys(await signingKeys.list(algorithm), clock()).get(algorithm)
    const known = await find()
    if (known) return known
    await makeFirst(algorithm)
    const key = await find()
    if (!key) throw new Error(`there is no ${algorithm} signing key`)
    return key
  }

  /** Signs claims as a compact JWT with the key whose turn it is. */
  async function sign(
    claims: JWTPayload,
    typ: TokenType,
    algorithm: SigningAlgorithm = defaultAlgorithm,
  ): Promise<string> {
    const { kid, algorithm: alg, sealedPrivateJwk } = await signingKey(algorithm)
    const known = imported.get(`private:${kid}`)
    const key = known
      ? await known
      : await importOnce(`private:${kid}`, openPrivateJwk(sealed, kid, sealedPrivateJwk), alg)
    return new SignJWT(claims).setProtectedHeader({ alg, typ, kid }).sign(key)
  }

  /** With which algorithm everything is signed that this app is to verify. */
  const algorithmFor = (app: SignedFor): SigningAlgorithm => signingAlgorithmOf(app, defaultAlgorithm)

  return {
    ...rotation,
    algorithm: defaultAlgorithm,
    algorithmFor,
    list,
    sign,

    /** Signs claims for an app, by the algorithm of its record. */
    signFor: (app: SignedFor, claims: JWTPayload, typ: TokenType): Promise<string> =>
      sign(claims, typ, algorithmFor(app)),

    /** The public key set; the instance's own algorithm comes first. @see RFC 7517 §5 */
    async publicJwks() {
      const published = (await list()).filter((key) => key.state !== 'retired')
      const [ours, others] = [true, false].map((own) =>
        published.filter((key) => (key.algorithm === defaultAlgorithm) === own),
      )
      return { keys: [...(ours ?? []), ...(others ?? [])].map((key) => key.publicJwk) }
    },

    /** A published key by its id, as soon as another node may sign with it; undefined for one unknown or retired. */
    async verificationKey(kid: string): Promise<{ key: CryptoKey; algorithm: SigningAlgorithm } | undefined> {
      const now = clock()
      const found = withState(await signingKeys.kinOf(kid), now).find((key) => key.kid === kid)
      if (!found || found.state === 'retired') return undefined
      if (found.state === 'next' && found.signsFrom > now + KEY_LEEWAY) return undefined
      const { algorithm, publicJwk } = found
      return { key: await importOnce(`public:${kid}`, publicJwk, algorithm), algorithm }
    },
  }
}

function withState(keys: readonly StoredSigningKey[], now: number): ListedKey[] {
  const active = activeKeys(keys, now)
  return keys.map((key) => ({ ...key, state: stateOfKey(key, active.get(key.algorithm), now) }))
}

const openPrivateJwk = (sealed: SealedRows, kid: string, box: string): Record<string, unknown> =>
  JSON.parse(sealed.open(box, kid, `the signing key ${kid}`)) as Record<string, unknown>
