import { distance } from '../lib/difference.ts'

/** Asks "did you mean" with the name most like the one given, or says nothing when none is alike. */
export function didYouMean(given: string, names: readonly string[]): string {
  const ranked = names
    .map((name) => ({ name, far: distance(given.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, far }) => far <= Math.min(3, Math.floor(name.length / 3)))
    .sort((a, b) => a.far - b.far)
  return ranked[0] ? `; did you mean ${ranked[0].name}?` : ''
}
