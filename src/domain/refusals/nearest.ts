import { distance } from '../../lib/text/difference.ts'

// Letters; beyond that another name was meant.
const FURTHEST = 3

/** Asks "did you mean" with the name most like the one given, or says nothing when none is alike. */
export function didYouMean(given: string, names: readonly string[]): string {
  const ranked = names
    .map((name) => ({ name, far: distance(given.toLowerCase(), name.toLowerCase(), FURTHEST) }))
    .filter(({ name, far }) => far <= Math.min(FURTHEST, Math.floor(name.length / 3)))
    .sort((a, b) => a.far - b.far)
  return ranked[0] ? `; did you mean ${ranked[0].name}?` : ''
}
