import { readFileSync } from 'node:fs'
import { type Insertion, insertWithHead } from '../coverage/insertions.ts'
import { type Change, findChanges } from './mutators.ts'

/** A change with a name, by which it is switched on: `src/oauth/grants/registry.ts#7`. */
export interface Mutant extends Change {
  readonly id: string
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  /** What stands there, and what stands there instead; nothing where it is left out. */
  readonly was: string
  readonly is: string
  /** The whole line. */
  readonly text: string
}

/** Sources that hold all mutants at once; the environment of a process says which is on. */
export interface Schemata {
  readonly mutants: readonly Mutant[]
  /** By the path from the root of the project. */
  readonly texts: ReadonlyMap<string, string>
}

/** The variable that names the mutant that is on. */
export const SWITCH = 'TESSERA_TEST_MUTANT'

const headOf = (file: string): string =>
  `const __mutant = /^${file.replaceAll('.', '[.]').replaceAll('/', '[/]')}#(.+)/.exec(process.env['${SWITCH}'])?.[1]; `

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ')

function mutantsOf(file: string, text: string): Mutant[] {
  return findChanges(file, text, file.startsWith('src/store/')).map((change, index) => ({
    ...change,
    id: `${file}#${index + 1}`,
    file,
    line: text.slice(0, change.from).split('\n').length,
    was: oneLine(text.slice(change.from, change.to)),
    is: oneLine(change.by),
    text:
      (text.slice(0, change.from).split('\n').at(-1) ?? '').trimStart() +
      (text.slice(change.from).split('\n')[0] ?? ''),
  }))
}

const mutated = (text: string, { start, end, from, to, by }: Change): string =>
  text.slice(start, from) + by + text.slice(to, end)

/** Outer expressions come first among mutants, so that their parentheses are outside. */
function insertionsOf(text: string, mutants: readonly Mutant[]): Insertion[] {
  const outerFirst = mutants.toSorted((one, other) => one.start - other.start || other.end - one.end)
  const opens = outerFirst.map((mutant, index) => ({
    at: mutant.start,
    text:
      (mutant.opensStatement && outerFirst[index - 1]?.start !== mutant.start ? ';' : '') +
      `(__mutant === '${mutant.id.split('#')[1] ?? ''}' ? (${mutated(text, mutant)}) : `,
  }))
  const closes = mutants.map(({ end }) => ({ at: end, text: ')' }))
  // At one place an expression ends before the next begins.
  return [...closes, ...opens]
}

export function makeSchemata(files: readonly string[]): Schemata {
  const mutants: Mutant[] = []
  const texts = new Map<string, string>()
  for (const file of files) {
    const text = readFileSync(file, 'utf8')
    const here = mutantsOf(file, text)
    mutants.push(...here)
    if (here.length > 0) texts.set(file, insertWithHead(text, headOf(file), insertionsOf(text, here)))
  }
  return { mutants, texts }
}
