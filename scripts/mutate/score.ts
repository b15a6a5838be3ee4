import { equivalents } from './equivalents.ts'
import type { Mutant } from './schemata.ts'
import type { Tried } from './try-mutant.ts'

/** A mutant and what became of it; `unreached` where no test gets there. */
export interface Outcome {
  readonly mutant: Mutant
  readonly verdict: Tried['verdict'] | 'unreached'
  readonly by: string | undefined
}

export interface Score {
  readonly room: string
  readonly mutants: number
  /** Noticed, by an assertion or because the tests did not come to their end. */
  readonly killed: number
  readonly survived: number
  readonly equivalent: number
  /** Percent of those that are not equivalent. */
  readonly score: number
}

const roomOf = ({ file }: Mutant): string => file.split('/').slice(0, 3).join('/')

const isNoticed = ({ verdict }: Outcome): boolean => verdict === 'killed' || verdict === 'hung'

export const isEquivalent = ({ file, was, is, text }: Mutant): boolean =>
  equivalents.some((one) => one.file === file && one.was === was && one.is === is && text.includes(one.line))

/** One for each room, and the last for all. */
export function scoresOf(outcomes: readonly Outcome[]): Score[] {
  const rooms = [...new Set(outcomes.map(({ mutant }) => roomOf(mutant)))].sort()
  return [...rooms, 'all'].map((room) => {
    const here = outcomes.filter(({ mutant }) => room === 'all' || roomOf(mutant) === room)
    const killed = here.filter(isNoticed).length
    const left = here.filter((one) => !isNoticed(one))
    const equivalent = left.filter(({ mutant }) => isEquivalent(mutant)).length
    const survived = left.length - equivalent
    const score = Math.round((1000 * killed) / Math.max(1, killed + survived)) / 10
    return { room, mutants: here.length, killed, survived, equivalent, score }
  })
}

export const tableOf = (scores: readonly Score[]): string =>
  [
    ['', 'mutants', 'killed', 'survived', 'equivalent', 'score'],
    ...scores.map(({ room, mutants, killed, survived, equivalent, score }) => [
      room,
      ...[mutants, killed, survived, equivalent].map(String),
      `${score.toFixed(1)} %`,
    ]),
  ]
    .map(([name = '', ...rest]) => name.padEnd(24) + rest.map((text) => text.padStart(12)).join(''))
    .join('\n')

export const described = ({ mutant: { id, line, was, is, text }, verdict }: Outcome): string =>
  `${verdict} ${id}, line ${line}: ${was} -> ${is === '' ? 'left out' : is}\n    ${text}`
