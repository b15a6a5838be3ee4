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
  let written: Promise<void> = Promise.resolve()
  /** The batch that takes what is waiting, once the one before it is written. */
  let next: Promise<void> | undefined

  async function writeNext(): Promise<void> {
    const [items, dropped] = [waiting, lost]
    waiting = []
    lost = 0
    if (next) written = next
    next = undefined
    await write(items).catch((error: unknown) => onLost(items.length, error))
    if (dropped > 0) onLost(dropped)
  }

  return {
    add(item: T): void {
      if (waiting.length >= most) lost += 1
      else waiting.push(item)
      next ??= written.then(writeNext)
    },

    /** Resolves when everything that was added before is written; what comes meanwhile is not waited for. */
    flush: (): Promise<void> => next ?? written,
  }
}

export type Batches<T> = ReturnType<typeof createBatches<T>>
