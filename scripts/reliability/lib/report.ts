import { cpus, totalmem } from 'node:os'
import type { Form } from './run.ts'
import type { Figure } from './verdict.ts'

/** What a check reached. */
export interface Reached {
  readonly id: string
  readonly what: string
  readonly required: string
  readonly timed: boolean
  readonly form: Form
  readonly outcome: 'passed' | 'missed' | 'skipped'
  readonly figures: readonly Figure[]
  readonly seconds: number
  /** Why it was skipped, or could not be finished. */
  readonly reason?: string
}

export const machine = (): string => {
  const [first] = cpus()
  return `${cpus().length} cores (${first?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`
}

export const reportOf = (reached: readonly Reached[], form: Form, seed: number) => ({
  form,
  seed,
  machine: machine(),
  checks: reached,
})

/** The limit that a figure was held against, which differs between the forms. */
const limitOf = (demanded: string | undefined): string => (demanded?.startsWith('at ') ? ` (${demanded})` : '')

/** The figures in one line; of a check that missed, what missed comes first. */
export function reachedInWords({ figures, reason }: Reached): string {
  const missed = figures.filter((figure) => figure.missed)
  const rest = figures.filter((figure) => !figure.missed)
  const words = [...missed, ...rest].map(({ name, value, missed: bad, demanded }) =>
    bad ? `MISSED ${name}: ${value} (${demanded})` : `${name}: ${value}${limitOf(demanded)}`,
  )
  return [...(reason === undefined ? [] : [reason]), ...words].join('; ')
}

export function printTable(reached: readonly Reached[]): void {
  process.stdout.write('\n')
  for (const each of reached) {
    const missed = each.figures.filter((figure) => figure.missed).map(({ name, value }) => `${name}: ${value}`)
    const why = [...(each.reason === undefined ? [] : [each.reason]), ...missed].join('; ')
    const line = `${each.id}  ${each.outcome.padEnd(7)}  ${String(each.seconds).padStart(4)} s  ${why}`
    process.stdout.write(`${line.trimEnd()}\n`)
  }
}
