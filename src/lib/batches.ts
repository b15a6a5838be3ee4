interface Options<T> {
  readonly write: (items: readonly T[]) => Promise<void>
  /** The most that may wait; what comes beyond is dropped and counted. */
  readonly most: number
  /** Told how many could not be kept, and why where something failed. */
  readonly onLost: (count: number, error?: unknown) => void
}

/** Writes things that nobody waits for: at once while it is quiet, many in one go while it is not. */
export function createBatches<T>({ write, most, onLost }: Options<T>) {
  let waiting: T[] = []
  let lost = 0
  let running: Promise<void> | undefined

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const items = waiting
      waiting = []
      await write(items).catch((error: unknown) => onLost(items.length, error))
      if (lost > 0) onLost(lost)
      lost = 0
    }
    running = undefined
  }

  return {
    add(item: T): void {
      if (waiting.length >= most) lost += 1
      else waiting.push(item)
      running ??= Promise.resolve().then(drain)
    },

    /** Resolves when everything that was added before is written. */
    flush: (): Promise<void> => running ?? Promise.resolve(),
  }
}

export type Batches<T> = ReturnType<typeof createBatches<T>>
