/** Thrown instead of waiting: too many do already, or nobody wants the work any more. */
export class NoTurn extends Error {}

/**
 * Lets one piece of work be under way at once; a few more wait in the order they came, each as long as it is wanted.
 * @param longest how many may wait
 */
export function createShortLine(longest: number) {
  const waiting = new Set<() => void>()
  let isBusy = false

  const turn = (wanted: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (wanted.aborted || waiting.size >= longest) return reject(new NoTurn())
      const leave = (): void => {
        waiting.delete(go)
        reject(new NoTurn())
      }
      const go = (): void => {
        wanted.removeEventListener('abort', leave)
        resolve()
      }
      wanted.addEventListener('abort', leave, { once: true })
      waiting.add(go)
    })

  /** @param wanted ends when nobody wants the work any more. @throws NoTurn */
  return async <T>(work: () => Promise<T>, wanted: AbortSignal): Promise<T> => {
    if (isBusy) await turn(wanted)
    isBusy = true
    try {
      return await work()
    } finally {
      const [next] = waiting
      // The place is handed over, so that nobody who comes now takes it.
      if (next) {
        waiting.delete(next)
        next()
      } else isBusy = false
    }
  }
}
