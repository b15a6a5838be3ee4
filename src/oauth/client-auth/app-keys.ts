import { LRUCache } from 'lru-cache'
import { type AppKey, readKeySet } from '../../domain/apps/app-keys.ts'
import type { AppRegistration } from '../../domain/apps/trusted-application.ts'
import { TooManyWaiting, type WhileOutside } from '../../lib/flow/outside.ts'
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

// From this age on keys are fetched anew beside the request that needs them.
const FRESH = 10 * MINUTE
// And before it is answered, where nobody tried for so long: a key that was taken away meanwhile must not count.
const UNASKED = 20 * MINUTE
// However often somebody names a key that there is not, the app's server is asked no more often than this.
const BETWEEN_FETCHES = MINUTE
// Where the app's server does not answer, what it said last counts for so long.
const STALE_AT_MOST = DAY
const MOST_APPS = 1000

interface Kept {
  /** The JSON text or the address of the set. */
  readonly source: string
  found: FoundKeys
  /** Milliseconds since 1970 of the last set that could be had, and of the end of the last try. */
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
    try {
      const { keys, faults } = readKeySet(await fetchText(entry.source))
      if (keys.length === 0) throw new Error(`what it returned ${faults.join(', ')}`)
      entry.found = { keys }
      entry.fetchedAt = clock()
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error)
      if (clock() - entry.fetchedAt > STALE_AT_MOST) entry.found = { keys: [], failure }
    } finally {
      entry.triedAt = clock()
      entry.pending = undefined
    }
  }

  /** At most one fetch at a time, and one a minute. */
  const mayFetch = ({ pending, triedAt }: Kept): boolean =>
    pending !== undefined || clock() - triedAt >= BETWEEN_FETCHES

  function begin(entry: Kept): Promise<void> {
    entry.pending ??= refetch(entry)
    return entry.pending
  }

  /** Everybody who asks meanwhile waits for the one fetch. @throws TooManyWaiting */
  async function refresh(entry: Kept): Promise<void> {
    if (mayFetch(entry)) await whileOutside(entry.source, () => begin(entry))
  }

  /** Has keys fetched that are good for now: whoever finds no room to wait goes on with them. */
  async function renew(entry: Kept): Promise<void> {
    if (!mayFetch(entry)) return
    const fetching = begin(entry)
    if (clock() - entry.triedAt < UNASKED) return
    await whileOutside(entry.source, () => fetching).catch((error: unknown) => {
      if (!(error instanceof TooManyWaiting)) throw error
    })
  }

  return {
    /**
     * The keys an app has now. From an address they are ten minutes old, or twenty where nobody asked, unless it does not
     * answer; only without any does a request need room to wait.
     * @throws TooManyWaiting
     */
    async find({ applicationUri, jwks, jwksUri }: App): Promise<FoundKeys> {
      if (jwks !== undefined) return keptOf(applicationUri, jwks, () => ({ keys: readKeySet(jwks).keys })).found
      if (jwksUri === undefined) return { keys: [] }
      const entry = keptOf(applicationUri, jwksUri, () => ({ keys: [] }))
      const age = clock() - entry.fetchedAt
      if (age > STALE_AT_MOST) await refresh(entry)
      else if (age > FRESH) await renew(entry)
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
