interface Kept<T> {
  readonly askedAt: number
  readonly answer: Promise<T>
}

interface Options {
  readonly clock: () => number
  /** Milliseconds from the question on, so that nobody is given an answer that was on its way for longer. */
  readonly keepFor: number
  /** The most answers that are kept; the oldest go first. */
  readonly limit: number
}

/** Asks what was not asked just now; questions with one key that come together share one answer, also where it is an error. */
export function createRecall<T>({ clock, keepFor, limit }: Options) {
  const kept = new Map<string, Kept<T>>()

  return {
    recall(key: string, ask: () => Promise<T>): Promise<T> {
      const known = kept.get(key)
      const age = clock() - (known?.askedAt ?? 0)
      // A clock that was set back must not keep an answer alive.
      if (known !== undefined && age >= 0 && age < keepFor) return known.answer
      const answer = ask()
      kept.delete(key)
      kept.set(key, { askedAt: clock(), answer })
      dropOldest(kept, limit)
      return answer
    },

    forget(key: string): void {
      kept.delete(key)
    },
  }
}

/** Forgets what was put into a map first until it holds no more than the limit. */
export function dropOldest<K>(map: Map<K, unknown>, limit: number): void {
  for (const key of map.keys()) {
    if (map.size <= limit) return
    map.delete(key)
  }
}
