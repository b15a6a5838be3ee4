import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeQueue } from '../test/queue.ts'
import type { NearTest } from './nearest-tests.ts'
import { SWITCH } from './schemata.ts'

// Seconds of CPU until a process has started, and how many times as many as before its tests may take.
const START = 20
const PATIENCE = 4
// Seconds on the clock for a second of CPU, on a machine that has other work.
const BUSY = 30

/** What became of a mutant; `hung` where the tests did not come to their end. */
export type Verdict = 'killed' | 'hung' | 'survived'

export interface Tried {
  readonly verdict: Verdict
  /** The test file that noticed. */
  readonly by: string | undefined
}

interface Dependencies {
  readonly environment: NodeJS.ProcessEnv
  /** The script that takes one test file after the other. */
  readonly lane: string
  /** Where queues are, and what the tests said. */
  readonly folder: string
  /** Where the tests write. */
  readonly scratch: string
}

/** Runs tests in a process in which one mutant is on, until the first of them fails. */
export const createTryMutant =
  ({ environment, lane, folder, scratch }: Dependencies) =>
  async (id: string, tests: readonly NearTest[]): Promise<Tried> => {
    const name = id.replaceAll('/', '+')
    const [at, temporary] = [join(folder, `queue-${name}`), join(scratch, name.replace('#', '-'))]
    const queue = makeQueue(at, { files: tests.map(({ file }) => file), timed: [] })
    mkdirSync(temporary)
    const log = openSync(join(folder, `${name}.tap`), 'w')
    const mostCpu = Math.ceil(START + PATIENCE * tests.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0))
    const command = [`ulimit -t ${mostCpu}; exec "$0" "$@"`, process.execPath, '--enable-source-maps', lane]
    const child = spawn('sh', ['-c', ...command], {
      env: { ...environment, TMPDIR: temporary, TESSERA_TEST_QUEUE: at, TAP_BAIL: '1', [SWITCH]: id },
      stdio: ['ignore', log, log],
      // What the tests have started goes with them.
      detached: true,
    })
    const [code, isHung] = await endOf(child, BUSY * mostCpu * 1000)
    closeSync(log)
    const done = queue.done()
    rmSync(temporary, { recursive: true, force: true })
    rmSync(at, { recursive: true, force: true })
    if (code === 0 && done.length === tests.length && done.every(({ ok }) => ok))
      return { verdict: 'survived', by: undefined }
    const by = done.find(({ ok }) => !ok)?.file ?? tests[done.length]?.file
    return { verdict: isHung ? 'hung' : 'killed', by }
  }

/** @param longest milliseconds */
async function endOf(child: ChildProcess, longest: number): Promise<[code: number | null, isHung: boolean]> {
  let isHung = false
  const end = (): void => {
    try {
      process.kill(-(child.pid ?? Number.NaN), 'SIGKILL')
    } catch {
      // Nothing of it is left.
    }
  }
  const timer = setTimeout(() => {
    isHung = true
    end()
  }, longest)
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  clearTimeout(timer)
  end()
  return [code, isHung || signal === 'SIGXCPU' || signal === 'SIGKILL']
}
