import { didYouMean } from '../../domain/refusals/nearest.ts'

/**
 * What to say of a word that nothing is called, in three lines.
 * @param what it was to be, such as `setting`
 * @param where to read more, as a sentence
 */
export const unknownWord = (
  what: string,
  word: string,
  known: readonly string[],
  where: string,
): [said: string, guess: string, where: string] => [`unknown ${what} '${word}'`, guessOf(word, known), where]

/** The word that may have been meant, or those that there are. */
function guessOf(word: string, known: readonly string[]): string {
  const similar = didYouMean(word, known)
  return similar === ''
    ? `expected one of: ${known.join(', ')}`
    : `(Did you mean ${similar.slice('; did you mean '.length)})`
}

const OPTION_CHOICES = /^option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\. Allowed choices are (.*)\.$/
const ARGUMENT_CHOICES = /^command-argument value '(.*)' is invalid for argument '(.*)'\. Allowed choices are (.*)\.$/

/** A complaint about a wrong command, flag or argument in three lines: what is wrong, a guess or what is right, where to read more. */
export function inThreeLines(complaint: string): string[] {
  const lines = complaint.trimEnd().split('\n')
  const [said = '', ...more] = lines
  if (said.startsWith('Usage:')) return lines
  const choice = choiceIn(said)
  if (choice) return unknownWord(`value of ${choice.of}`, choice.word, choice.known, more.at(-1) ?? '')
  return more.some((line) => line.startsWith('(Did you mean'))
    ? lines.filter((line) => !line.startsWith('expected'))
    : lines
}

function choiceIn(said: string) {
  const [, of = '', word = '', known = ''] = OPTION_CHOICES.exec(said) ?? reordered(ARGUMENT_CHOICES.exec(said)) ?? []
  return of === '' ? undefined : { of, word, known: known.split(', ') }
}

/** The word comes first in a complaint about an argument. */
const reordered = (found: RegExpExecArray | null): (string | undefined)[] | undefined =>
  found ? [found[0], `<${found[2]}>`, found[1], found[3]] : undefined
