import type { FastifyInstance } from 'fastify'
import { Refused } from '../../../domain/refusals/errors.ts'

const LOOK_EVERY = 1000

interface Dependencies {
  /** Where the database was moved to, if it was. */
  readonly departure: () => Promise<{ readonly to: string } | undefined>
  /** Looks whether another master key is in force; never rejects. */
  readonly watchMasterKey: () => Promise<void>
  /** Milliseconds since any moment; never goes back. */
  readonly elapsed: () => number
}

/** A server that still runs on a database that was moved away answers nothing from it: the truth is elsewhere. */
export function registerServiceGuard(
  server: FastifyInstance,
  { departure, watchMasterKey, elapsed }: Dependencies,
): void {
  let looked = Number.NEGATIVE_INFINITY
  let movedTo: string | undefined

  server.addHook('onRequest', async (request) => {
    if (request.url === '/health/live') return
    if (elapsed() - looked > LOOK_EVERY) {
      looked = elapsed()
      // A database that does not answer is reported by whoever needs it.
      const moved = departure().then(
        (found) => found?.to,
        () => movedTo,
      )
      await watchMasterKey()
      movedTo = await moved
    }
    if (movedTo === undefined) return
    throw new Refused('temporarily_unavailable', 'this instance is moving to another database; try again shortly', {
      rule: 'server-busy',
      cause: `the database was moved to ${movedTo}; restart the server with TESSERA_DATABASE_URL set to that`,
    })
  })
}
