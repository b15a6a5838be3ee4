import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { buildIfChanged } from './build.ts'
import { MOST_CPU_SECONDS, overBudget } from './test/budget.ts'
import { compileTests } from './test/compile.ts'
import { openPostgres, openSqlite } from './test/databases.ts'
import { allFiles, inOrder, isTimed, whySqliteAlone } from './test/files.ts'
import type { Failure } from './test/read-tap.ts'
import { type Run, runTests } from './test/run.ts'
import { makeScratch } from './test/scratch.ts'

const HELP = `npm test                          every test on SQLite
npm test -- test/story.ts         one file, or several
npm test -- --database=postgres   on PostgreSQL, which this starts by itself; --database=both for both
npm run test:all                  every test on SQLite, and on PostgreSQL whatever can differ there
npx tap test/story.ts             one file, with all that it says

Other flags go to tap. Everything that was said is in build/tests/ afterwards.`

const DATABASES = { sqlite: ['SQLite'], postgres: ['PostgreSQL'], both: ['SQLite', 'PostgreSQL'] } as const
type Name = (typeof DATABASES)['both'][number]

const MOST_FAILURES_TOLD = 30

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Which files run on a database; those that a person asked for and that are left out are named. */
function filesFor(name: Name, asked: readonly string[]): readonly string[] {
  const wanted = asked.length > 0 ? asked : allFiles()
  if (name === 'SQLite') return wanted
  const reasons = new Map(wanted.map((file) => [file, whySqliteAlone(file)]))
  for (const file of asked)
    if (reasons.get(file) !== undefined) say(`left out on PostgreSQL: ${file} ${reasons.get(file)}`)
  return wanted.filter((file) => reasons.get(file) === undefined)
}

async function runOn(name: Name, files: readonly string[], options: readonly string[]): Promise<Run> {
  const scratch = makeScratch()
  try {
    const database = await (name === 'SQLite' ? openSqlite : openPostgres)(scratch.folder)
    const planned = { files: inOrder(files.filter((file) => !isTimed(file))), timed: files.filter(isTimed) }
    return await runTests(name, planned, database.environment, options).finally(() => database.close())
  } finally {
    scratch.remove()
  }
}

/** Tells how it went, the failures first. @returns whether all is well */
function tell(name: Name, { verdict, done, seconds, log, interrupted }: Run, wanted: number): boolean {
  for (const failure of verdict?.failures.slice(0, MOST_FAILURES_TOLD) ?? []) say(told(failure))
  const left = (verdict?.failures.length ?? 0) - MOST_FAILURES_TOLD
  if (left > 0) say(`and ${left} more failures`)
  const heavy = overBudget(done)
  for (const { file, cpuSeconds } of heavy)
    say(`${file} took ${cpuSeconds.toFixed(1)} s of CPU, more than the ${MOST_CPU_SECONDS} that a file may take`)
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

async function main(given: readonly string[]): Promise<number> {
  if (given.includes('--help')) {
    say(HELP)
    return 0
  }
  const chosen = given.find((argument) => argument.startsWith('--database='))?.slice('--database='.length) ?? 'sqlite'
  if (!Object.hasOwn(DATABASES, chosen)) {
    process.stderr.write(`--database=${chosen}: expected sqlite, postgres or both\n`)
    return 2
  }
  const isFile = (argument: string): boolean => !argument.startsWith('-') && existsSync(argument)
  const asked = given.filter(isFile).map((file) => relative('.', file))
  const options = given.filter((argument) => !isFile(argument) && !argument.startsWith('--database='))
  const names = DATABASES[chosen as keyof typeof DATABASES]
  await buildIfChanged()
  await compileTests(asked.length > 0 ? asked : allFiles())
  let isWell = true
  for (const name of names) {
    const files = filesFor(name, asked)
    if (files.length === 0) continue
    const run = await runOn(name, files, options)
    isWell = tell(name, run, files.length) && isWell
    if (run.interrupted) return 130
  }
  if (chosen === 'sqlite' && asked.length === 0) say('On PostgreSQL as well: npm run test:all')
  return isWell ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
