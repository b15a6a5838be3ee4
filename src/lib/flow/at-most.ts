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

/** The same for each of many; whoever asks for more than the others waits for themselves alone. */
export function createAtMostEach(limit: number): <T>(who: string, work: () => Promise<T>) => Promise<T> {
  const lines = new Map<string, { readonly inLine: AtMost; count: number }>()

  return async (who, work) => {
    const line = lines.get(who) ?? { inLine: createAtMost(limit), count: 0 }
    lines.set(who, line)
    line.count += 1
    try {
      return await line.inLine(work)
    } finally {
      line.count -= 1
      if (line.count === 0) lines.delete(who)
    }
  }
}
