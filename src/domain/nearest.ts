/** The number of letters to insert, drop or change to get from one text to the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1]
    for (let column = 1; column <= to.length; column++) {
      const change = (row[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1)
      next.push(Math.min(change, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
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
