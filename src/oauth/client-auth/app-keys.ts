import { LRUCache } from 'lru-cache'
import { type AppKey, readKeySet } from '../../domain/apps/app-keys.ts'
import type { AppRegistration } from '../../domain/apps/trusted-application.ts'
import type { WhileOutside } from '../../lib/flow/outside.ts'
import { type Clock, DAY, MINUTE } from '../../lib/time/clock.ts'

/** The keys of an app as far as they are known, and why there are none. */
export interface FoundKeys {
  readonly keys: readonly AppKey[]
  /** Why the key set of the app could not be had, for the operator. */
  readonly failure?: string | undefined
}

type App = Pick<AppRegistration, 'applicationUri' | 'jwks' | 'jwksUri'>

/** Fetches a document; a rejection has a message that says why it could not be had. */
type FetchText = (uri: string) => Promise<string>

interface Dependencies {
  readonly fetchText: FetchText
  readonly whileOutside: WhileOutside
  readonly clock: Clock
}

export type AppKeys = ReturnType<typeof createAppKeys>

const FRESH = 10 * MINUTE
// However often somebody names a key that there is not, the app's server is asked no more often than this.
const BETWEEN_FETCHES = MINUTE
// Where the app's server does not answer, what it said last counts for so long.
const STALE_AT_MOST = DAY
const MOST_APPS = 1000

interface Kept {
  /** The JSON text or the address of the set. */
  readonly source: string
  found: FoundKeys
  /** Milliseconds since 1970 of the last set that could be had, and of the last try. */
  fetchedAt: number
  triedAt: number
  pending: Promise<void> | undefined
}

/** The public keys of apps: from the record, or from the address it names, kept for a while on this node. @see OIDC Core §10.1.1 */
export function createAppKeys({ fetchText, whileOutside, clock }: Dependencies) {
  const kept = new LRUCache<string, Kept>({ max: MOST_APPS })

  function keptOf(applicationUri: string, source: string, first: () => FoundKeys): Kept {
    const known = kept.get(applicationUri)
    if (known?.source === source) return known
    const entry = { source, found: first(), fetchedAt: -Infinity, triedAt: -Infinity, pending: undefined }
    kept.set(applicationUri, entry)
    return entry
  }

  async function refetch(entry: Kept): Promise<void> {
    entry.triedAt = clock()
    try {
      const { keys, faults } = readKeySet(await fetchText(entry.source))
      if (keys.length === 0) throw new Error(`what it returned ${faults.join(', ')}`)
      entry.found = { keys }
      entry.fetchedAt = clock()
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error)
      if (clock() - entry.fetchedAt > STALE_AT_MOST) entry.found = { keys: [], failure }
    } finally {
      entry.pending = undefined
    }
  }

  /** At most one fetch at a time, and one a minute; everybody who asks meanwhile waits for that one. @throws TooManyWaiting */
  async function refresh(entry: Kept): Promise<void> {
    if (!entry.pending && clock() - entry.triedAt < BETWEEN_FETCHES) return
    await whileOutside(entry.source, () => {
      entry.pending ??= refetch(entry)
      return entry.pending
    })
  }

  return {
    /** The keys an app has now; from an address they are at most ten minutes old, unless it does not answer. */
    async find({ applicationUri, jwks, jwksUri }: App): Promise<FoundKeys> {
      if (jwks !== undefined) return keptOf(applicationUri, jwks, () => ({ keys: readKeySet(jwks).keys })).found
      if (jwksUri === undefined) return { keys: [] }
      const entry = keptOf(applicationUri, jwksUri, () => ({ keys: [] }))
      if (clock() - entry.fetchedAt > FRESH) await refresh(entry)
      return entry.found
    },

    /**
     * Looks for newer keys where none of those seen fits.
     * @returns `undefined` where there are no others, or it is too early to ask again
     */
    async findNewer({ applicationUri, jwksUri }: App, seen: FoundKeys): Promise<FoundKeys | undefined> {
      const entry = kept.peek(applicationUri)
      if (!entry || entry.source !== jwksUri) return undefined
      if (entry.found === seen) await refresh(entry)
      return entry.found === seen ? undefined : entry.found
    },
  }
}
