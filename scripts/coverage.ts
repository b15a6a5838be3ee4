import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildIfChanged } from './build.ts'
import { type Coverage, figuresOf, tableOf, uncovered } from './coverage/figures.ts'
import { instrument, sourcesOf } from './coverage/instrument.ts'
import { makeTallies, readTallies } from './coverage/tally.ts'
import { compileTests } from './test/compile.ts'
import { COMPILED, LEAVINGS } from './test/compiled-file.ts'
import { allFiles } from './test/files.ts'
import { runOn, tell } from './test/on-database.ts'

const HELP = `npm run coverage                        every test on SQLite, and which branches of src they took
npm run coverage -- test/story.ts       one file, or several
npm run coverage -- --last              the figures of the last run
npm run coverage -- --last --uncovered  which places no test reached; --uncovered=src/oauth those below a folder
npm run coverage -- --last --json       the same figures for a program`

const TALLIES = join(LEAVINGS, 'coverage')
const RESULT = join(LEAVINGS, 'coverage.json')
const COMMAND = 'src/cli/tessera.ts'

const say = (text: string): void => void process.stdout.write(`${text}\n`)

async function measure(files: readonly string[]): Promise<boolean> {
  await buildIfChanged()
  rmSync(TALLIES, { recursive: true, force: true })
  makeTallies(TALLIES)
  const { probes, texts } = instrument(sourcesOf('src'), TALLIES)
  await compileTests([...files, COMMAND], (path, text) => texts.get(path) ?? text)
  const command = join(COMPILED, COMMAND.replace(/\.ts$/, '.js'))
  const more = { TESSERA_TEST_TALLIES: TALLIES, TESSERA_TEST_COMMAND: command }
  const run = await runOn('SQLite', files, [], more)
  const coverage: Coverage = { probes, tallies: readTallies(TALLIES), done: run.done }
  writeFileSync(RESULT, JSON.stringify(coverage))
  return tell('SQLite', run, files.length)
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
