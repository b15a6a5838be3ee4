import type { AccessToken } from './access-token.ts'
import { dropOldest } from './recall.ts'

/** Tokens of this app and/or user (of everybody where neither is named) that are no younger may have ended early. */
export interface Notice {
  readonly id: string
  readonly clientId: string | undefined
  readonly userId: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

interface Concern {
  readonly at: number
  /** Counts the notices of this process, so that it says what came before what. */
  readonly order: number
}

/** No access token lives longer, in milliseconds. */
const LONGEST_LIFE = 24 * 3_600_000

/** The most that is remembered of each kind. */
const LIMIT = 20_000

export type Notices = ReturnType<typeof createNotices>

const keyOf = (clientId: string | undefined, userId: string | undefined): string =>
  JSON.stringify([clientId ?? null, userId ?? null])

const EVERYBODY = keyOf(undefined, undefined)

interface Options {
  /** Called for each notice that concerns everybody: keys may have been withdrawn. */
  readonly aboutEverybody?: (() => void) | undefined
  readonly limit?: number
}

/** Remembers whose tokens the server must be asked about again. */
export function createNotices(clock: () => number, { aboutEverybody = () => undefined, limit = LIMIT }: Options = {}) {
  const known = new Map<string, number>()
  const concerns = new Map<string, Concern>()
  /** The latest notice about anybody at an app, or at whatever app. */
  const anybody = new Map<string | undefined, Concern>()
  let order = 0

  function note(key: string, at: number): void {
    order += 1
    const concern = { at: Math.max(at, concerns.get(key)?.at ?? 0), order }
    concerns.delete(key)
    concerns.set(key, concern)
  }

  function forgetWhatIsOver(): void {
    const over = clock() - LONGEST_LIFE
    for (const [id, at] of known) if (at < over) known.delete(id)
    for (const [key, { at }] of concerns) if (at < over) concerns.delete(key)
    for (const [clientId, { at }] of anybody) if (at < over) anybody.delete(clientId)
    dropOldest(known, limit)
    // What there is no room for concerns everybody from now on: the server is asked too often rather than too rarely.
    for (const [key, { at }] of concerns) {
      if (concerns.size <= limit) return
      if (key === EVERYBODY) continue
      concerns.delete(key)
      note(EVERYBODY, at)
    }
  }

  return {
    /** Takes notices in; one that is known already counts no more. */
    add(notices: readonly Notice[]): void {
      for (const { id, clientId, userId, at } of notices) {
        if (known.has(id)) continue
        known.set(id, at)
        note(keyOf(clientId, userId), at)
        if (clientId === undefined && userId === undefined) aboutEverybody()
        anybody.set(clientId, { at: Math.max(at, anybody.get(clientId)?.at ?? 0), order })
      }
      forgetWhatIsOver()
    },

    /** The place in order of the latest notice that concerns a token; 0 where none does. */
    latestAbout({ clientId, userId, issuedAt }: Pick<AccessToken, 'clientId' | 'userId' | 'issuedAt'>): number {
      // Whom a token of a pairwise app acts for only the server knows: a notice about anybody may be about them.
      const found =
        userId === undefined
          ? [anybody.get(clientId), anybody.get(undefined)]
          : [[clientId, userId], [clientId, undefined], [undefined, userId], []].map(([app, user]) =>
              concerns.get(keyOf(app, user)),
            )
      const about = found.filter((concern) => concern !== undefined && concern.at >= issuedAt)
      return Math.max(0, ...about.map((concern) => concern?.order ?? 0))
    },
  }
}
