import type { Done } from '../test/queue.ts'
import type { Probe } from './probes.ts'
import type { Tally } from './tally.ts'

/** What a run came to: each probe, and which test files reached it. */
export interface Coverage {
  readonly probes: readonly Probe[]
  readonly tallies: readonly Tally[]
  /** How each test file went. */
  readonly done: readonly Done[]
}

export interface Figure {
  readonly name: string
  readonly arms: number
  readonly reached: number
  readonly functions: number
  readonly entered: number
}

export const isReached = ({ tallies }: Pick<Coverage, 'tallies'>): ((probe: number) => boolean) => {
  const all = new Set(tallies.flatMap(({ reached }) => reached))
  return (probe) => all.has(probe)
}

const wingOf = (file: string): string => file.split('/', 2).join('/')

/** One figure for each wing, and the last for everything. */
export function figuresOf(coverage: Coverage): Figure[] {
  const reached = isReached(coverage)
  const all = coverage.probes.map((probe, index) => ({ ...probe, isReached: reached(index) }))
  const names = [...new Set(all.map(({ file }) => wingOf(file)))].sort()
  return [...names, 'src'].map((name) => {
    const here = all.filter(({ file }) => name === 'src' || wingOf(file) === name)
    const functions = here.filter(({ kind }) => kind === 'function')
    const arms = here.filter(({ kind }) => kind !== 'function')
    const count = (those: typeof here): number => those.filter((one) => one.isReached).length
    return {
      name,
      arms: arms.length,
      reached: count(arms),
      functions: functions.length,
      entered: count(functions),
    }
  })
}

const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`

export const tableOf = (figures: readonly Figure[]): string =>
  [
    ['', 'branches', 'reached', 'functions', 'entered'],
    ...figures.map(({ name, arms, reached, functions, entered }) => [
      name,
      String(arms),
      percent(reached, arms),
      String(functions),
      percent(entered, functions),
    ]),
  ]
    .map(([name = '', ...rest]) => name.padEnd(22) + rest.map((text) => text.padStart(11)).join(''))
    .join('\n')

/** What no test reached, a line each. */
export function uncovered(coverage: Coverage, below: string): string[] {
  const reached = isReached(coverage)
  return coverage.probes
    .filter(({ file }, index) => file.startsWith(below) && !reached(index))
    .map(({ file, line, kind }) => `${file}:${line} ${kind}`)
}
