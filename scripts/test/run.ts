import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { COMPILED, LEAVINGS } from './compiled-file.ts'
import { showProgress } from './progress.ts'
import { type Done, makeQueue, type Planned } from './queue.ts'
import { readTap, type Verdict } from './read-tap.ts'

const TAP = createRequire(import.meta.url)
  .resolve('tap')
  .replace(/dist.*$/, 'dist/esm/run.mjs')
const RC_FILE = fileURLToPath(new URL('lanes.taprc', import.meta.url))
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface Run {
  /** `undefined` where tap did not come to its end. */
  readonly verdict: Verdict | undefined
  readonly done: readonly Done[]
  readonly seconds: number
  /** Where everything is that tap said. */
  readonly log: string
  readonly interrupted: boolean
}

/**
 * Runs compiled test files in a few processes that take one after the other.
 * @param label names the run, for people and for the files that it leaves
 * @param options further flags for tap
 */
export async function runTests(
  label: string,
  planned: Planned,
  environment: NodeJS.ProcessEnv,
  options: readonly string[],
): Promise<Run> {
  const name = label.toLowerCase()
  const folder = join(LEAVINGS, `queue-${name}`)
  const log = join(LEAVINGS, `${name}.tap`)
  const queue = makeQueue(folder, planned)
  const count = planned.files.length + planned.timed.length
  const started = performance.now()
  const seconds = (): number => (performance.now() - started) / 1000
  const progress = showProgress(process.stdout, () => {
    const done = queue.done()
    const failed = done.filter(({ ok }) => !ok).length
    const failing = failed > 0 ? `, ${failed} failed` : ''
    return `${label}: ${done.length} of ${count} files${failing}, ${Math.round(seconds())} s`
  })
  const interrupted = await runTap(
    [...options, ...layOutLanes(name, count)],
    { ...environment, TAP_RCFILE: RC_FILE, TESSERA_TEST_QUEUE: folder },
    log,
  ).finally(progress.end)
  return { verdict: readTap(readFileSync(log, 'utf8')), done: queue.done(), seconds: seconds(), log, interrupted }
}

/** What a lane is; it stands in the folder `lanes` of the compiled tests. */
export const LANE = "import '../scripts/test/without-domains.js'\nawait import('../scripts/test/lane.js')\n"

/** A file for each lane, as tap runs no file twice. Some files wait for others more than they work. */
function layOutLanes(name: string, files: number): string[] {
  const count = Math.min(files, Math.max(2, Math.min(4, availableParallelism() + 1)))
  const folder = join(COMPILED, 'lanes')
  mkdirSync(folder, { recursive: true })
  return Array.from({ length: count }, (_, index) => {
    const path = join(folder, `${name}-${index + 1}.js`)
    writeFileSync(path, LANE)
    return path
  })
}

/** @returns whether a signal ended it */
async function runTap(args: readonly string[], env: NodeJS.ProcessEnv, log: string): Promise<boolean> {
  const flags = ['--reporter=tap', `--jobs=${args.length}`]
  const child = spawn(process.execPath, [TAP, ...flags, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const file = createWriteStream(log)
  child.stdout.pipe(file)
  let interrupted = false
  const pass = (signal: NodeJS.Signals): void => {
    interrupted = true
    child.kill(signal)
  }
  for (const signal of SIGNALS) process.on(signal, pass)
  await Promise.all([once(child, 'exit'), once(file, 'finish')])
  for (const signal of SIGNALS) process.off(signal, pass)
  return interrupted
}
