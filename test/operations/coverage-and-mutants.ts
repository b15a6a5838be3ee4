// SQLite alone: it asks no database.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { figuresOf, uncovered } from '../../scripts/coverage/figures.ts'
import { instrument } from '../../scripts/coverage/instrument.ts'
import { sample, seeded } from '../../scripts/mutate/sample.ts'
import { makeSchemata } from '../../scripts/mutate/schemata.ts'
import { scoresOf } from '../../scripts/mutate/score.ts'
import { createTryMutant } from '../../scripts/mutate/try-mutant.ts'

// What `npm run coverage` and `npm run mutate` say of a source that everybody can survey.
const SOURCE = `globalThis.fare = (age, zone = 1) => {
  if (age < 6) return 0
  const price = zone > 2 ? 5 : 3
  return age >= 65 || age < 18 ? price - 1 : price
}
`

type Fare = (age: number, zone?: number) => number

const load = (text: string, environment: Readonly<Record<string, string>> = {}) => {
  const context: { fare?: Fare; __tally?: Uint8Array; process: unknown } = {
    process: { env: environment, pid: 1, on: () => undefined },
  }
  runInNewContext(text, context)
  return { fare: context.fare as Fare, tally: () => [...(context.__tally ?? [])] }
}

function sourceIn(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-fare-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'fare.ts')
  writeFileSync(file, SOURCE)
  return file
}

await t.test('an arm that no test takes is told with its line, and the rest counts', async (t) => {
  const file = sourceIn(t)
  const { probes, texts } = instrument([file], '/nowhere')
  const { fare, tally } = load(texts.get(file) ?? '')
  t.strictSame([fare(70), fare(30, 3)], [2, 5], 'it does what it did')
  const reached = tally().flatMap((hit, probe) => (hit === 1 ? [probe] : []))
  const coverage = { probes, tallies: [{ reached }], done: [] }
  t.strictSame(uncovered(coverage, file), [`${file}:2 if`])
  const [figure] = figuresOf(coverage).slice(-1)
  t.strictSame(figure, { name: 'src', arms: 9, reached: 8, functions: 1, entered: 1 })
})

await t.test('an arm that one process takes and another does not is taken', async (t) => {
  const file = sourceIn(t)
  const { probes } = instrument([file], '/nowhere')
  const all = probes.map((_, index) => index)
  const tallies = [{ reached: all.slice(0, 4) }, { test: 'test/fare.ts', reached: all.slice(4) }]
  t.strictSame(uncovered({ probes, tallies, done: [] }, file), [])
})

await t.test('without a switch a source with mutants in it is as it was; each switch changes one place', async (t) => {
  const file = sourceIn(t)
  const { mutants, texts } = makeSchemata([file])
  const text = texts.get(file) ?? ''
  const ages = [5, 6, 17, 18, 64, 65]
  const faresOf = (fare: Fare) => [1, 2, 3].map((zone) => ages.map((age) => fare(age, zone)))
  const original = faresOf(load(SOURCE).fare)
  t.strictSame(faresOf(load(text).fare), original)
  t.equal(mutants.length, 12)
  for (const { id, line, was, is } of mutants) {
    const changed = faresOf(load(text, { TESSERA_TEST_MUTANT: id }).fare)
    t.notSame(changed, original, `line ${line}: ${was} -> ${is}`)
  }
  t.strictSame(faresOf(load(text, { TESSERA_TEST_MUTANT: 'src/other.ts#1' }).fare), original)
})

// Stands for the lane: the test asks for the fare at 65, which tells `>=` from `>`. What a bundle is told of its place is not for it.
const LANE = `import { appendFileSync, readFileSync } from 'node:fs'
const queue = process.env.TESSERA_TEST_QUEUE
const [file] = JSON.parse(readFileSync(queue + '/files.json', 'utf8')).files
const text = readFileSync(process.argv[1].replace('lane.mjs', 'fare.js'), 'utf8')
;(0, eval)(text)
const ok = globalThis.fare(65) === 2
appendFileSync(queue + '/done.jsonl', JSON.stringify({ file, ok, seconds: 0, cpuSeconds: 0 }) + '\\n')
process.exitCode = ok ? 0 : 1
`

await t.test(
  'a mutant that a test notices is killed, one that none notices survives, and both are in the score',
  async (t) => {
    const file = sourceIn(t)
    const folder = join(file, '..')
    const scratch = join(folder, 'scratch')
    mkdirSync(scratch)
    const { mutants, texts } = makeSchemata([file])
    writeFileSync(join(folder, 'fare.js'), texts.get(file) ?? '')
    writeFileSync(join(folder, 'lane.mjs'), LANE)
    const environment = { PATH: process.env['PATH'] }
    const tryMutant = createTryMutant({ environment, lane: join(folder, 'lane.mjs'), folder, scratch })
    const outcomes = []
    for (const mutant of mutants.filter(({ line, was }) => line === 4 && (was === '>=' || was === '<')))
      outcomes.push({ mutant, ...(await tryMutant(mutant.id, [{ file: 'test/fare.ts', cpuSeconds: 1 }])) })
    t.strictSame(
      outcomes.map(({ mutant: { was, is }, verdict, by }) => ({ was, is, verdict, by })),
      [
        { was: '>=', is: '>', verdict: 'killed', by: 'test/fare.ts' },
        { was: '<', is: '<=', verdict: 'survived', by: undefined },
      ],
    )
    const [all] = scoresOf(outcomes).slice(-1)
    t.strictSame(all, { room: 'all', mutants: 2, killed: 1, survived: 1, equivalent: 0, score: 50 })
  },
)

await t.test('a seed draws the same sample again, and another seed another', async (t) => {
  const all = Array.from({ length: 100 }, (_, index) => index)
  t.strictSame(sample(all, 10, seeded(3)), sample(all, 10, seeded(3)))
  t.notSame(sample(all, 10, seeded(3)), sample(all, 10, seeded(4)))
  t.equal(new Set(sample(all, 10, seeded(3))).size, 10)
})
