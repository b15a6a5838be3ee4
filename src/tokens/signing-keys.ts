import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWTPayload, SignJWT } from 'jose'
import type { SigningAlgorithm } from '../domain/signing-algorithm.ts'
import { LONGEST_ACCESS_TOKEN } from '../domain/trusted-application.ts'
import { type Clock, HOUR } from '../lib/clock.ts'
import { open, type SealingKey, seal } from '../lib/sealed-box.ts'
import type { StoredSigningKey } from '../repositories/signing-keys.ts'
import type { Store } from '../repositories/store.ts'

/** Where a key is in its life: published ahead of use, signing, or kept for tokens it signed. */
export type KeyState = 'next' | 'active' | 'previous' | 'retired'

export interface ListedKey extends StoredSigningKey {
  readonly state: KeyState
}

/** The `typ` a signed token carries, so that no kind passes for another. @see RFC 8725 §3.11 */
export type TokenType = 'at+jwt' | 'JWT' | 'token-introspection+jwt' | 'logout+jwt'

export type SigningKeys = ReturnType<typeof createSigningKeys>

interface Dependencies {
  readonly store: Store
  readonly sealingKey: SealingKey
  readonly clock: Clock
  readonly algorithm: SigningAlgorithm
}

/** The keys that sign tokens: at rest under the master key, found by `kid`, rotated by the clock. */
export function createSigningKeys({ store, sealingKey, clock, algorithm }: Dependencies) {
  // A kid names one key for ever, so an imported key never grows stale.
  const imported = new Map<string, Promise<CryptoKey>>()

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
    const keys = await store.read.signingKeys.list()
    const active = activeOf(keys, clock())
    return keys.map((key) => ({ ...key, state: stateOf(key, active, clock()) }))
  }

  const published = async () => (await list()).filter((key) => key.state !== 'retired')

  async function signingKey(): Promise<StoredSigningKey> {
    const ours = (await store.read.signingKeys.list()).filter((key) => key.algorithm === algorithm)
    const key = activeOf(ours, clock()).get(algorithm)
    if (!key) throw new Error(`there is no ${algorithm} signing key`)
    return key
  }

  async function generate(signsFrom: number): Promise<StoredSigningKey> {
    const pair = await generateKeyPair(algorithm, { extractable: true, modulusLength: 2048 })
    const publicJwk = await exportJWK(pair.publicKey)
    const kid = Buffer.from(crypto.getRandomValues(new Uint8Array(12))).toString('base64url')
    return {
      kid,
      algorithm,
      publicJwk: { ...publicJwk, kid, alg: algorithm, use: 'sig' },
      sealedPrivateJwk: seal(sealingKey, JSON.stringify(await exportJWK(pair.privateKey)), kid),
      createdAt: clock(),
      signsFrom,
      retiresAt: undefined,
    }
  }

  return {
    algorithm,
    list,

    /** Makes the first key of a new instance; does nothing where one exists. */
    async ensure(): Promise<void> {
      const present = (keys: readonly StoredSigningKey[]): boolean => keys.some((key) => key.algorithm === algorithm)
      if (present(await store.read.signingKeys.list())) return
      const first = await generate(clock())
      // Two processes may start on one new database; the first key counts.
      await store.writeAlone(async ({ signingKeys }) => {
        if (!present(await signingKeys.list())) await signingKeys.add(first)
      })
    },

    /**
     * Publishes a new key now and lets it sign later; the old one is kept until its last token has expired.
     * @param publishFor milliseconds between publication and first use; verifiers cache the key set that long
     */
    async rotate(publishFor: number): Promise<StoredSigningKey> {
      const next = await generate(clock() + publishFor)
      await store.writeAlone(async ({ signingKeys }) => {
        await signingKeys.add(next)
        await signingKeys.retireOthers(algorithm, next.kid, next.signsFrom + LONGEST_ACCESS_TOKEN + HOUR)
      })
      return next
    },

    /** The public key set. @see RFC 7517 §5 */
    publicJwks: async () => ({ keys: (await published()).map((key) => key.publicJwk) }),

    /** A published key by its id; undefined for one unknown or retired. */
    async verificationKey(kid: string): Promise<{ key: CryptoKey; algorithm: SigningAlgorithm } | undefined> {
      const found = (await published()).find((key) => key.kid === kid && key.state !== 'next')
      return (
        found && {
          key: await importOnce(`public:${kid}`, found.publicJwk, found.algorithm),
          algorithm: found.algorithm,
        }
      )
    },

    /** Signs claims as a compact JWT with the key whose turn it is. */
    async sign(claims: JWTPayload, typ: TokenType): Promise<string> {
      const { kid, algorithm: alg, sealedPrivateJwk } = await signingKey()
      const known = imported.get(`private:${kid}`)
      const key = known
        ? await known
        : await importOnce(`private:${kid}`, openPrivateJwk(sealingKey, kid, sealedPrivateJwk), alg)
      return new SignJWT(claims).setProtectedHeader({ alg, typ, kid }).sign(key)
    },
  }
}

/** For each algorithm the newest key whose time has come; should the clock have gone back, the oldest. */
function activeOf(keys: readonly StoredSigningKey[], now: number): Map<SigningAlgorithm, StoredSigningKey> {
  const active = new Map<SigningAlgorithm, StoredSigningKey>()
  for (const key of keys) {
    if (key.signsFrom <= now || !active.has(key.algorithm)) active.set(key.algorithm, key)
  }
  return active
}

function stateOf(
  key: StoredSigningKey,
  active: ReadonlyMap<SigningAlgorithm, StoredSigningKey>,
  now: number,
): KeyState {
  const signing = active.get(key.algorithm)
  if (signing?.kid === key.kid) return 'active'
  // A key that a newer one has overtaken will not sign any more.
  if (key.signsFrom > now && signing && key.createdAt >= signing.createdAt) return 'next'
  return key.retiresAt === undefined || key.retiresAt > now ? 'previous' : 'retired'
}

function openPrivateJwk(sealingKey: SealingKey, kid: string, box: string): Record<string, unknown> {
  const jwk = open(sealingKey, box, kid)
  if (jwk === undefined) throw new Error(`signing key ${kid} was not sealed under this master key`)
  return JSON.parse(jwk) as Record<string, unknown>
}
