/** The number of letters to insert, drop, change or swap with their neighbour to get from one text to the other. */
function distance(from: string, to: string): number {
  let before: number[] = []
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let index = 0; index < from.length; index++) {
    const next = [index + 1]
    for (let column = 1; column <= to.length; column++) {
      const change = (row[column - 1] ?? 0) + (from[index] === to[column - 1] ? 0 : 1)
      const swapped = from[index] === to[column - 2] && from[index - 1] === to[column - 1]
      const swap = swapped ? (before[column - 2] ?? 0) + 1 : change
      next.push(Math.min(change, swap, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[to.length] ?? 0
}

/** Asks "did you mean" with the name most like the one given, or says nothing when none is alike. */
export function didYouMean(given: string, names: readonly string[]): string {
  const ranked = names
    .map((name) => ({ name, far: distance(given.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, far }) => far <= Math.min(3, Math.floor(name.length / 3)))
    .sort((a, b) => a.far - b.far)
  return ranked[0] ? `; did you mean ${ranked[0].name}?` : ''
}
