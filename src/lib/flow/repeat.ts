/** Work that is done again and again. */
export interface Repeated {
  /** Ends it; resolves when what was going on is over. */
  stop(): Promise<void>
}

/**
 * Does work again and again, never twice at once.
 * @param pause milliseconds between the end of one run and the beginning of the next
 * @param onError told what a run failed of; the next one comes all the same
 * @param first milliseconds before the first run
 */
export function repeat(
  pause: number,
  work: () => Promise<unknown>,
  onError: (error: unknown) => void,
  first = pause,
): Repeated {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  function plan(wait = pause): void {
    if (stopped) return
    timer = setTimeout(() => {
      running = work().then(() => undefined, onError)
      void running.then(() => plan())
    }, wait)
    // Nobody stays alive for it.
    timer.unref()
  }
  plan(first)
  return {
    stop(): Promise<void> {
      stopped = true
      clearTimeout(timer)
      return running
    },
  }
}
