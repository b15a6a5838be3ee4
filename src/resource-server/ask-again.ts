import type { AccessToken } from './access-token.ts'
import type { Introspect } from './introspect.ts'
import type { Notices } from './notices.ts'
import type { NoticePoll } from './poll-notices.ts'
import { dropOldest } from './recall.ts'
import { Refused } from './refused.ts'

interface Dependencies {
  readonly introspect: (token: string) => ReturnType<Introspect>
  readonly notices: Pick<Notices, 'latestAbout'>
  readonly poll: Pick<NoticePoll, 'begun'>
}

interface Verdict {
  /** The latest notice that was known when the server was asked. */
  readonly order: number
  readonly claims: ReturnType<Introspect>
}

/** The most tokens whose answers are kept. */
const LIMIT = 10_000

/** Asks the server about a signed token once for every notice that concerns it. */
export function createAskAgain({ introspect, notices, poll }: Dependencies) {
  const verdicts = new Map<string, Verdict>()

  function ask(key: string, token: string, order: number): ReturnType<Introspect> {
    const known = verdicts.get(key)
    if (known !== undefined && known.order >= order) return known.claims
    const verdict = { order, claims: introspect(token) }
    verdicts.delete(key)
    verdicts.set(key, verdict)
    dropOldest(verdicts, LIMIT)
    // That nobody could say is no answer to keep.
    verdict.claims.catch((error: unknown) => {
      if (!(error instanceof Refused) && verdicts.get(key) === verdict) verdicts.delete(key)
    })
    return verdict.claims
  }

  /**
   * @param key stands for the token
   * @returns the claims that the server names, or `undefined` where there is nothing to ask
   * @throws Refused when the token ended early
   */
  return async (
    key: string,
    token: string,
    read: AccessToken,
  ): Promise<Awaited<ReturnType<Introspect>> | undefined> => {
    await poll.begun()
    const order = notices.latestAbout(read)
    return order === 0 ? undefined : ask(key, token, order)
  }
}
