import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { type IdentityServer, ServerTrouble } from './call-server.ts'

interface Dependencies {
  readonly server: Pick<IdentityServer, 'get' | 'locate'>
  readonly clock: () => number
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
export function createKeys({ server, clock }: Dependencies): JWTVerifyGetKey {
  let keys: ReturnType<typeof createLocalJWKSet> | undefined
  let loadedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let missedAt = Number.NEGATIVE_INFINITY
  let failure: unknown
  let loading: Promise<void> | undefined

  async function load(): Promise<void> {
    triedAt = clock()
    try {
      keys = readKeys(await server.get(await server.locate('jwks_uri')))
      loadedAt = clock()
      failure = undefined
    } catch (error) {
      failure = error
      throw error
    } finally {
      loading = undefined
    }
  }

  function loadOnce(): Promise<void> {
    loading ??= load()
    return loading
  }

  async function haveKeys(): Promise<void> {
    if (keys === undefined) {
      if (loading === undefined && failure !== undefined && clock() - triedAt < SECOND) throw failure
      return loadOnce()
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

  return async (header, token) => {
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
}

function readKeys(document: Readonly<Record<string, unknown>>): ReturnType<typeof createLocalJWKSet> {
  try {
    return createLocalJWKSet(document as unknown as JSONWebKeySet)
  } catch (error) {
    throw new ServerTrouble('what the identity server publishes is not a key set', { cause: error })
  }
}
