import type { Done } from './queue.ts'

// What a test file may take, in seconds of CPU; a newcomer runs all of them.
const MOST_CPU_SECONDS = 25
// A machine may be twice as slow as the one of those seconds, over all files alike: then it is a part of what all of them take.
const MOST_OF_ALL = 1 / 20
// Fewer say nothing of how fast the machine is, so nothing of what one of them may take there.
const FEWEST_FILES = 100

/** Files that may take more, each with its reason. They are also the first to run, as the last lane would wait for them. */
export const HEAVY: Readonly<Record<string, string>> = {
  'test/store/database-move.ts': 'moves instances that are served, and kills the move at any time',
  'test/oauth/kill-switches/ending-what-is-in-flight.ts': 'each ending before each statement of each request',
  'test/oauth/in-flight/sign-in.ts': 'the same for a sign-in, with its password',
  'test/oauth/in-flight/consent-given.ts': 'the same for a consent that is given',
  'test/store/faults-of-the-driver.ts': 'each fault of the database at each call of its driver',
  'test/operations/tarballs.ts': 'packs, installs and starts both packages',
  'test/clients/demo-api-sessions.ts': 'the whole demo',
  'test/clients/demo-in-a-browser.ts': 'the whole demo, in a browser',
  'test/oauth/tokens/key-rotation.ts': 'keys of every algorithm for two hundred days',
  'test/api-sessions/licence-slots.ts': 'hundreds of first calls at once',
  'test/api-sessions/licence-slots-on-two-nodes.ts': 'two servers as processes behind a balancer',
  'test/operations/two-nodes.ts': 'two servers as processes behind a balancer',
  'test/attacks/tokens/stolen-reference-tokens.ts': 'ten thousand tokens',
  'test/oauth/grants/single-use.ts': 'hundreds of requests at once, on two servers as well',
}

/** Files that took more than a file may, of a run of very many. @returns the seconds of CPU that it may take as well */
export function overBudget(done: readonly Done[]): { readonly files: readonly Done[]; readonly most: number } {
  if (done.length < FEWEST_FILES) return { files: [], most: Number.POSITIVE_INFINITY }
  const all = done.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
  const most = Math.max(MOST_CPU_SECONDS, Math.round(all * MOST_OF_ALL))
  return { files: done.filter(({ file, cpuSeconds }) => cpuSeconds > most && HEAVY[file] === undefined), most }
}
