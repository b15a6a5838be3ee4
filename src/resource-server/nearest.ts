/** How many letters are to be put in, left out, changed or swapped with the next to get from one word to the other. */
export function editDistance(one: string, other: string): number {
  const a = [...one.toLowerCase()]
  const b = [...other.toLowerCase()]
  const rows: number[][] = [b.map((_, at) => at).concat(b.length)]
  for (const [i, letter] of a.entries()) {
    const row = [i + 1]
    for (const [j, wanted] of b.entries()) {
      const [above = [], twoAbove = []] = [rows[i], rows[i - 1]]
      const kept = (above[j] ?? 0) + (letter === wanted ? 0 : 1)
      const swapped = i > 0 && j > 0 && letter === b[j - 1] && a[i - 1] === wanted ? (twoAbove[j - 1] ?? 0) + 1 : kept
      row.push(Math.min(kept, swapped, (above[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1))
    }
    rows.push(row)
  }
  return rows.at(-1)?.at(-1) ?? 0
}

/** Asks "did you mean" with the known name most like the one given, or says nothing where none is alike. */
export function didYouMean(given: string, known: readonly string[]): string {
  const short = given.slice(0, 64)
  const [nearest] = known
    .map((name) => ({ name, far: editDistance(short, name) }))
    .filter(({ name, far }) => far <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.far - b.far)
  return nearest === undefined ? '' : `; did you mean ${nearest.name}?`
}
