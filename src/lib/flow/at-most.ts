/** Runs work, or lets it wait until less is under way. */
export type AtMost = <T>(work: () => Promise<T>) => Promise<T>

/** Lets only so much be under way at once; the rest waits in the order it came. */
export function createAtMost(limit: number): AtMost {
  const waiting: (() => void)[] = []
  let running = 0

  return async (work) => {
    if (running < limit) running += 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      // Whoever is next takes the place over.
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }
}
