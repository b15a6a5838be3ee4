import type { Done } from './queue.ts'

/** What a test file may take, in seconds of CPU; a newcomer runs all of them. */
export const MOST_CPU_SECONDS = 20

/** Files that take more, each with its reason. They are also the first to run, as the last lane would wait for them. */
export const HEAVY: Readonly<Record<string, string>> = {}

/** Files that took more than a file may. */
export const overBudget = (done: readonly Done[]): readonly Done[] =>
  done.filter(({ file, cpuSeconds }) => cpuSeconds > MOST_CPU_SECONDS && HEAVY[file] === undefined)
