import type { Done } from './queue.ts'

/** What a test file may take, in seconds of CPU; a newcomer runs all of them. */
export const MOST_CPU_SECONDS = 20

/** Files that may take more, each with its reason. They are also the first to run, as the last lane would wait for them. */
export const HEAVY: Readonly<Record<string, string>> = {
  'test/store/database-move.ts': 'moves instances that are served, and kills the move at any time',
  'test/store/database-backup.ts': 'backs up and restores on both databases, and is killed at it',
  'test/store/clean-up.ts': 'clears a hundred thousand rows away',

  'test/operations/build.ts': 'runs the compiler a dozen times',
  'test/operations/tarballs.ts': 'packs, installs and starts both packages',
  'test/oauth/kill-switches/ending-what-is-in-flight.ts': 'each ending before each statement of each request',
  'test/oauth/grants/single-use.ts': 'hundreds of requests at once, on two servers as well',
  'test/oauth/tokens/key-rotation.ts': 'makes keys of every algorithm for two hundred days',
  'test/cli/cli-help.ts': 'runs every example of every help as a process',
  'test/operations/serve-signals.ts': 'a server as a process for each signal',
  'test/operations/serve-process.ts': 'a server as a process for each way to end',
  'test/operations/clock-of-the-machine.ts': 'a server as a process for each clock',
  'test/operations/two-nodes.ts': 'two servers as processes behind a balancer',
  'test/api-sessions/licence-slots-on-two-nodes.ts': 'two servers as processes behind a balancer',
  'test/api-sessions/licence-slots.ts': 'hundreds of first calls at once',
  'test/attacks/web/denial-of-service.ts': 'floods, at the real cost of passwords',
  'test/attacks/web/markup.ts': 'every page in a browser',
  'test/attacks/sign-in/pages-elsewhere.ts': 'every page framed by other sites, in a browser',
  'test/attacks/tokens/stolen-reference-tokens.ts': 'ten thousand tokens',
  'test/clients/demo-api-sessions.ts': 'the whole demo',
  'test/clients/demo-in-a-browser.ts': 'the whole demo, in a browser',
  'test/store/database-replaced.ts': 'a server as a process for each way to lose its file',
}

/** Files that took more than a file may. */
export const overBudget = (done: readonly Done[]): readonly Done[] =>
  done.filter(({ file, cpuSeconds }) => cpuSeconds > MOST_CPU_SECONDS && HEAVY[file] === undefined)
