import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where the sources note down what is reached: a byte for each probe, shared by the whole process. */
const shared = globalThis as { __tally?: Uint8Array }

/**
 * What stands at the head of a source with probes. A process writes down what it reached when it ends, and a lane after each test file.
 * @param folder where it is written
 * @param count of probes in all sources
 */
export const tallyHead = (folder: string, count: number): string =>
  `const __tally = (globalThis.__tally ??= (() => {
    const tally = new Uint8Array(${count});
    const at = ${JSON.stringify(folder)} + '/' + process.pid + '-' + Date.now() + '.json';
    process.on('exit', () => process.getBuiltinModule('fs').writeFileSync(at,
      JSON.stringify({ reached: Array.from(tally.keys()).filter((one) => tally[one] === 1) })));
    return tally;
  })());
  const __reached = (one) => { __tally[one] = 1 };
  const __either = (yes, value) => { __tally[value ? yes : yes + 1] = 1; return value };
  const __nullish = (yes, value) => { __tally[value == null ? yes : yes + 1] = 1; return value };`.replaceAll('\n', ' ')

/** What was reached, and by which test file where that is known. */
export interface Tally {
  readonly test?: string
  readonly reached: readonly number[]
}

/** Writes down what a test file reached, in a process that goes on. */
export function keepTally(folder: string, test: string): void {
  const tally = shared.__tally
  if (tally === undefined) return
  const reached = Array.from(tally.keys()).filter((one) => tally[one] === 1)
  tally.fill(0)
  writeFileSync(join(folder, `${test.replaceAll('/', '+')}.json`), JSON.stringify({ test, reached }))
}

/** Everything that was written into a folder. */
export const readTallies = (folder: string): Tally[] =>
  readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Tally)

/** Makes the folder anew, open to everybody: some tests start processes as somebody else. */
export function makeTallies(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o777)
}
