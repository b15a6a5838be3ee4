import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildIfChanged } from './build.ts'
import { type Coverage, figuresOf, tableOf, uncovered } from './coverage/figures.ts'
import { instrument, sourcesOf } from './coverage/instrument.ts'
import { makeTallies, readTallies } from './coverage/tally.ts'
import { compileTests } from './test/compile.ts'
import { COMPILED, LEAVINGS } from './test/compiled-file.ts'
import { allFiles, whySqliteAlone } from './test/files.ts'
import { type DatabaseName, runOn, tell } from './test/on-database.ts'
import type { Run } from './test/run.ts'

const HELP = `npm run coverage                        every test on SQLite and PostgreSQL, and which branches of src they took
npm run coverage -- test/story.ts       one file, or several
npm run coverage -- --last              the figures of the last run
npm run coverage -- --last --uncovered  which places no test reached; --uncovered=src/oauth those below a folder
npm run coverage -- --last --json       the same figures for a program`

const TALLIES = join(LEAVINGS, 'coverage')
const TALLIES_ELSEWHERE = join(LEAVINGS, 'coverage-postgresql')
const RESULT = join(LEAVINGS, 'coverage.json')
const COMMAND = 'src/cli/tessera.ts'

const say = (text: string): void => void process.stdout.write(`${text}\n`)

async function measure(files: readonly string[]): Promise<boolean> {
  await buildIfChanged()
  for (const folder of [TALLIES, TALLIES_ELSEWHERE]) makeTallies(folder)
  const { probes, texts } = instrument(sourcesOf('src'), TALLIES)
  await compileTests([...files, COMMAND], (path, text) => texts.get(path) ?? text)
  const command = join(COMPILED, COMMAND.replace(/\.ts$/, '.js'))
  const runOnce = (name: DatabaseName, those: readonly string[], folder: string): Promise<Run> =>
    runOn(name, those, [], { TESSERA_TEST_TALLIES: folder, TESSERA_TEST_COMMAND: command })
  const run = await runOnce('SQLite', files, TALLIES)
  const isWell = tell('SQLite', run, files.length)
  // Mutants are tried on SQLite, so that what a test reaches elsewhere is nothing they need to know.
  const onPostgres = files.filter((file) => whySqliteAlone(file) === undefined)
  const elsewhere = onPostgres.length > 0 ? await runOnce('PostgreSQL', onPostgres, TALLIES_ELSEWHERE) : undefined
  const nameless = readTallies(TALLIES_ELSEWHERE).map(({ reached }) => ({ reached }))
  const coverage: Coverage = { probes, tallies: [...readTallies(TALLIES), ...nameless], done: run.done }
  writeFileSync(RESULT, JSON.stringify(coverage))
  return (elsewhere === undefined || tell('PostgreSQL', elsewhere, onPostgres.length)) && isWell
}

const given = process.argv.slice(2)
const asked = given.filter((argument) => !argument.startsWith('-'))
const below = given.find((argument) => argument.startsWith('--uncovered'))?.split('=')[1] ?? 'src'
if (given.includes('--help')) {
  say(HELP)
} else {
  if (!given.includes('--last') && !(await measure(asked.length > 0 ? asked : allFiles()))) process.exitCode = 1
  if (!existsSync(RESULT)) throw new Error('no run was measured yet: npm run coverage')
  const coverage = JSON.parse(readFileSync(RESULT, 'utf8')) as Coverage
  if (given.some((argument) => argument.startsWith('--uncovered'))) say(uncovered(coverage, below).join('\n'))
  else if (given.includes('--json')) say(JSON.stringify(figuresOf(coverage), undefined, 2))
  else say(tableOf(figuresOf(coverage)))
}
