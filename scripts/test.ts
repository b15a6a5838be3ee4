import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { buildIfChanged } from './build.ts'
import { compileTests } from './test/compile.ts'
import { allFiles, whySqliteAlone } from './test/files.ts'
import { type DatabaseName, runOn, tell } from './test/on-database.ts'

const HELP = `npm test                          every test on SQLite
npm test -- test/story.ts         one file, or several
npm test -- --database=postgres   on PostgreSQL, which this starts by itself; --database=both for both
npm run test:all                  every test on SQLite, and on PostgreSQL whatever can differ there
npx tap test/story.ts             one file, with all that it says

Other flags go to tap. Everything that was said is in build/tests/ afterwards.`

const DATABASES = { sqlite: ['SQLite'], postgres: ['PostgreSQL'], both: ['SQLite', 'PostgreSQL'] } as const
const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Which files run on a database; those that a person asked for and that are left out are named. */
function filesFor(name: DatabaseName, asked: readonly string[]): readonly string[] {
  const wanted = asked.length > 0 ? asked : allFiles()
  if (name === 'SQLite') return wanted
  const reasons = new Map(wanted.map((file) => [file, whySqliteAlone(file)]))
  for (const file of asked)
    if (reasons.get(file) !== undefined) say(`left out on PostgreSQL: ${file} ${reasons.get(file)}`)
  return wanted.filter((file) => reasons.get(file) === undefined)
}

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
