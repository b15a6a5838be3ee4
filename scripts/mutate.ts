import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildIfChanged } from './build.ts'
import type { Coverage } from './coverage/figures.ts'
import { sourcesOf } from './coverage/instrument.ts'
import { findProbes } from './coverage/probes.ts'
import { createNearestTests, type NearTest } from './mutate/nearest-tests.ts'
import { sample, seeded } from './mutate/sample.ts'
import { type Mutant, makeSchemata } from './mutate/schemata.ts'
import { described, type Outcome, scoresOf, tableOf } from './mutate/score.ts'
import { createTryMutant } from './mutate/try-mutant.ts'
import { compileTests } from './test/compile.ts'
import { COMPILED, LEAVINGS } from './test/compiled-file.ts'
import { openSqlite } from './test/databases.ts'
import { isTimed } from './test/files.ts'
import { LANE } from './test/run.ts'
import { makeScratch } from './test/scratch.ts'

const HELP = `npm run mutate                          changes the code in many places, one at a time; do the tests notice?
npm run mutate -- src/oauth/grants      below a folder, or in a file
npm run mutate -- --sample=50 --seed=7  how many mutants of each room, drawn by chance, and how the chance begins
npm run mutate -- --ids=src/x.ts#12     just these, by the names that a run tells, with commas
npm run mutate -- --tests=test/story.ts with these tests alone, instead of the nearest that reach a mutant
npm run mutate -- --most=20             seconds of CPU of the nearest tests that a mutant has to survive
npm run mutate -- --jobs=2              at once
npm run mutate -- --json                for a program

Which test reaches what is known from the last "npm run coverage".`

const ROOMS = [
  'src/oauth/grants',
  'src/oauth/tokens',
  'src/oauth/client-auth',
  'src/oauth/authorize',
  'src/store/repositories',
]
const COVERAGE = join(LEAVINGS, 'coverage.json')
const FOLDER = join(LEAVINGS, 'mutants')
const LANE_FILE = join(COMPILED, 'lanes', 'mutant.js')

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    sample: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    ids: { type: 'string' },
    tests: { type: 'string' },
    most: { type: 'string', default: '20' },
    jobs: { type: 'string', default: '1' },
  },
})

function readCoverage(files: readonly string[]): Coverage {
  if (!existsSync(COVERAGE)) throw new Error('no run was measured yet: npm run coverage')
  const coverage = JSON.parse(readFileSync(COVERAGE, 'utf8')) as Coverage
  for (const file of files) {
    const { probes } = findProbes(file, readFileSync(file, 'utf8'), 0)
    const before = coverage.probes.filter((probe) => probe.file === file)
    if (JSON.stringify(probes) !== JSON.stringify(before)) throw new Error(`${file} has changed since npm run coverage`)
  }
  return coverage
}

/** The nearest tests, as many as there is time for; one at least. */
function within(tests: readonly NearTest[], mostSeconds: number): NearTest[] {
  let left = mostSeconds
  return tests.filter(({ cpuSeconds }, index) => {
    left -= cpuSeconds
    return left >= 0 || index === 0
  })
}

function chosen(mutants: readonly Mutant[], rooms: readonly string[]): readonly Mutant[] {
  const ids = values.ids?.split(',')
  if (ids !== undefined) return mutants.filter(({ id }) => ids.includes(id))
  // A room alone draws the same as among others.
  return rooms.flatMap((room) => {
    const here = mutants.filter(({ file }) => file.startsWith(room))
    return sample(here, Number(values.sample), seeded(Number(values.seed)))
  })
}

async function main(): Promise<void> {
  const rooms = positionals.length > 0 ? positionals : ROOMS
  const files = rooms.flatMap((path) => (path.endsWith('.ts') ? [path] : sourcesOf(path)))
  const { mutants, texts } = makeSchemata(files)
  // Nobody measured those that a person names; all of them run.
  const named = values.tests?.split(',').map((file) => ({ file, cpuSeconds: 60 }))
  const nearest =
    named === undefined
      ? createNearestTests(readCoverage(files), (file) => existsSync(file) && !isTimed(file))
      : () => named
  const mostSeconds = named === undefined ? Number(values.most) : Number.POSITIVE_INFINITY
  const plans = chosen(mutants, rooms).map((mutant) => ({
    mutant,
    tests: within(nearest(mutant), mostSeconds),
  }))
  await buildIfChanged()
  await compileTests(
    [...new Set(plans.flatMap(({ tests }) => tests.map(({ file }) => file)))],
    (path, text) => texts.get(path) ?? text,
  )
  mkdirSync(join(COMPILED, 'lanes'), { recursive: true })
  writeFileSync(LANE_FILE, LANE)
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  const scratch = makeScratch()
  const { environment } = openSqlite(scratch.folder)
  const tryMutant = createTryMutant({ environment, lane: LANE_FILE, folder: FOLDER, scratch: scratch.folder })
  const outcomes: Outcome[] = []
  const waiting = plans.values()

  /** @throws Error when the tests fail although nothing was changed */
  async function work(): Promise<void> {
    for (const { mutant, tests } of waiting) {
      const outcome: Outcome =
        tests.length === 0
          ? { mutant, verdict: 'unreached', by: undefined }
          : { mutant, ...(await tryMutant(mutant.id, tests)) }
      outcomes.push(outcome)
      process.stderr.write(`${outcomes.length} of ${plans.length}: ${described(outcome)}  ${outcome.by ?? ''}\n`)
    }
  }
  try {
    await Promise.all(Array.from({ length: Number(values.jobs) }, work))
  } finally {
    scratch.remove()
  }
  writeFileSync(join(LEAVINGS, 'mutants.json'), JSON.stringify(outcomes))
  const scores = scoresOf(outcomes)
  const left = outcomes.filter(({ verdict }) => verdict === 'survived' || verdict === 'unreached')
  if (values.json) say(JSON.stringify({ seed: Number(values.seed), scores, survivors: left }, undefined, 2))
  else say(`${left.map(described).join('\n')}\n\n${tableOf(scores)}`)
}

if (values.help) say(HELP)
else await main()
