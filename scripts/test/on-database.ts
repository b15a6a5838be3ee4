import { relative } from 'node:path'
import { overBudget } from './budget.ts'
import { openPostgres, openSqlite } from './databases.ts'
import { inOrder, isTimed } from './files.ts'
import type { Failure } from './read-tap.ts'
import { type Run, runTests } from './run.ts'
import { makeScratch } from './scratch.ts'

export type DatabaseName = 'SQLite' | 'PostgreSQL'

const MOST_FAILURES_TOLD = 30

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/**
 * Runs compiled test files on a database that comes and goes with the run.
 * @param options further flags for tap
 * @param more variables of the environment
 */
export async function runOn(
  name: DatabaseName,
  files: readonly string[],
  options: readonly string[],
  more: NodeJS.ProcessEnv = {},
): Promise<Run> {
  const scratch = makeScratch()
  try {
    const database = await (name === 'SQLite' ? openSqlite : openPostgres)(scratch.folder)
    const planned = { files: inOrder(files.filter((file) => !isTimed(file))), timed: files.filter(isTimed) }
    return await runTests(name, planned, { ...database.environment, ...more }, options).finally(() => database.close())
  } finally {
    scratch.remove()
  }
}

/** Tells how it went, the failures first. @returns whether all is well */
export function tell(name: DatabaseName, { verdict, done, seconds, log, interrupted }: Run, wanted: number): boolean {
  for (const failure of verdict?.failures.slice(0, MOST_FAILURES_TOLD) ?? []) say(told(failure))
  const left = (verdict?.failures.length ?? 0) - MOST_FAILURES_TOLD
  if (left > 0) say(`and ${left} more failures`)
  const { files: heavy, most } = overBudget(done)
  for (const { file, cpuSeconds } of heavy)
    say(`${file} took ${cpuSeconds.toFixed(1)} s of CPU, more than the ${most} that a file may take`)
  const isWhole = verdict !== undefined && done.length === wanted
  if (!isWhole) say(`${name}: ended ${interrupted ? 'by a signal' : 'early'} after ${done.length} of ${wanted} files`)
  const { passed = 0, failed = 0, skipped = 0 } = verdict ?? {}
  const cpu = Math.round(done.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0))
  const wrong = failed + heavy.length + (isWhole || failed > 0 ? 0 : 1)
  say(`${name}: ${passed} passed, ${wrong} failed, ${skipped} skipped in ${Math.round(seconds)} s (${cpu} s of CPU)`)
  if (wrong > 0) say(`Everything that was said is in ${relative('.', log)}.`)
  return wrong === 0
}

const told = ({ path, lines }: Failure): string =>
  `\nFAILED ${path.join(' > ')}\n${lines.map((line) => `  ${line}`).join('\n')}\n`
