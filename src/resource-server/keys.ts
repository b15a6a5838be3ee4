import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { type IdentityServer, ServerTrouble } from './call-server.ts'

interface Dependencies {
  readonly server: Pick<IdentityServer, 'get' | 'locate'>
  readonly clock: () => number
}

type Key = Awaited<ReturnType<JWTVerifyGetKey>>

/** The key set, as whoever checks a signature asks for a key. */
export interface Keys {
  readonly find: JWTVerifyGetKey
  /** Has the keys fetched again before one counts: the server has said that some may have been withdrawn. */
  forget(): void
}

const SECOND = 1000
const MINUTE = 60 * SECOND

/** From this age on keys are fetched anew beside the request that needs one, and from the next on before it is answered. */
const AGEING = 10 * MINUTE
const OLD = 60 * MINUTE

/**
 * The server's published keys. They go on counting while the server is away, and a key that they do not hold has them
 * fetched again, at most once a minute; a key that a token brings along is never looked at.
 * @throws ServerTrouble when there are none yet and they cannot be had
 */
export function createKeys({ server, clock }: Dependencies): Keys {
  let keys: ReturnType<typeof createLocalJWKSet> | undefined
  let loadedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let missedAt = Number.NEGATIVE_INFINITY
  let failure: unknown
  let loading: Promise<void> | undefined
  // Counts how often the keys were forgotten: what was asked for before holds what has been withdrawn since.
  let forgotten = 0

  async function load(): Promise<void> {
    triedAt = clock()
    const began = forgotten
    try {
      const loaded = readKeys(await server.get(await server.locate('jwks_uri')))
      failure = undefined
      if (began !== forgotten) return
      keys = loaded
      loadedAt = clock()
    } catch (error) {
      failure = error
      throw error
    } finally {
      if (began === forgotten) loading = undefined
    }
  }

  function loadOnce(): Promise<void> {
    loading ??= load()
    return loading
  }

  async function haveKeys(): Promise<void> {
    if (keys === undefined) {
      if (loading === undefined && failure !== undefined && clock() - triedAt < SECOND) throw failure
      await loadOnce()
      // They may have been forgotten while they were fetched.
      return keys === undefined ? haveKeys() : undefined
    }
    const age = clock() - loadedAt
    if (age < AGEING || clock() - triedAt < MINUTE) return
    const loaded = loadOnce().catch(() => undefined)
    // An API that nobody called for an hour must not begin with keys that were withdrawn since.
    if (age >= OLD) await loaded
  }

  /** @throws ServerTrouble when nobody can say whether there is such a key */
  async function lookAgain(): Promise<void> {
    if (loading !== undefined) return loading
    if (clock() - missedAt < MINUTE) {
      if (failure !== undefined) throw failure
      return
    }
    missedAt = clock()
    await loadOnce()
  }

  async function findKey(...[header, token]: Parameters<JWTVerifyGetKey>): Promise<Key> {
    await haveKeys()
    const find: JWTVerifyGetKey = (...asked) => {
      if (keys === undefined) throw new ServerTrouble('the identity server has published no keys')
      return keys(...asked)
    }
    try {
      return await find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      await lookAgain()
      return find(header, token)
    }
  }

  return {
    find: findKey,
    forget(): void {
      forgotten += 1
      keys = undefined
      loading = undefined
      failure = undefined
    },
  }
}

function readKeys(document: Readonly<Record<string, unknown>>): ReturnType<typeof createLocalJWKSet> {
  try {
    return createLocalJWKSet(document as unknown as JSONWebKeySet)
  } catch (error) {
    throw new ServerTrouble('what the identity server publishes is not a key set', { cause: error })
  }
}
