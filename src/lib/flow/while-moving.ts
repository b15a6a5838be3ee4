/** Work made no step for longer than anybody waits. */
export class StoodStill extends Error {}

// Looks; between two of them a process that was halted sees one, however long that was.
const LOOKS = 10

/**
 * Waits for work as long as it makes steps.
 * @param steps how many it has made so far
 * @param patience milliseconds without a step
 * @returns what comes of the work
 * @throws StoodStill, or what the work throws; work that stands still may go on later, and whoever called keeps it from doing harm
 */
export const whileMoving = <T>(work: Promise<T>, steps: () => number, patience: number): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    let [seen, looks] = [steps(), 0]
    const watch = setInterval(() => {
      looks = steps() === seen ? looks + 1 : 0
      seen = steps()
      if (looks < LOOKS) return
      clearInterval(watch)
      reject(new StoodStill(`no statement was made for ${patience} ms`))
    }, patience / LOOKS)
    work.then(resolve, reject).finally(() => clearInterval(watch))
  })
