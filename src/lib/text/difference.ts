/** How far two texts are apart, and where: for saying "did you mean". */

/**
 * The number of letters to insert, drop, change or swap with their neighbour to get from one text to the other.
 * @param most beyond which it does not matter how many: it is quick to see then, however long the texts are
 */
export function distance(from: string, to: string, most = Infinity): number {
  if (Math.abs(from.length - to.length) > most) return Infinity
  let before: number[] = []
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let index = 0; index < from.length; index++) {
    const next = new Array<number>(to.length + 1).fill(Infinity)
    next[0] = index + 1
    // Whatever is further from the diagonal is too far already.
    const last = Math.min(to.length, index + 1 + most)
    for (let column = Math.max(1, index + 1 - most); column <= last; column++) {
      const change = (row[column - 1] ?? 0) + (from[index] === to[column - 1] ? 0 : 1)
      const swapped = from[index] === to[column - 2] && from[index - 1] === to[column - 1]
      const swap = swapped ? (before[column - 2] ?? 0) + 1 : change
      next[column] = Math.min(change, swap, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1)
    }
    before = row
    row = next
  }
  return row[to.length] ?? 0
}

/**
 * The known text most like a given one; upper and lower case count for little.
 * @param furthest the share of the longer text that may differ, 0 to 1
 */
export function nearestOf(given: string, known: readonly string[], furthest: number): string | undefined {
  const ranked = known
    .map((text) => ({ text, far: distance(given.toLowerCase(), text.toLowerCase()), exact: distance(given, text) }))
    .filter(({ text, far }) => far <= Math.max(given.length, text.length) * furthest)
    .sort((a, b) => a.far - b.far || a.exact - b.exact)
  return ranked[0]?.text
}

interface Run {
  readonly kept: boolean
  readonly from: string
  readonly to: string
}

/**
 * Marks how a known text differs from what was sent: `[-x-]` was sent and does not belong, `{+x+}` belongs and was not sent.
 * A mark that is part of the text itself has a backslash before it.
 */
export function markDifference(sent: string, known: string): string {
  return joinNearChanges(runsOf(sent, known))
    .map(({ kept, from, to }) =>
      kept ? escaped(from) : `${from && `[-${escaped(from)}-]`}${to && `{+${escaped(to)}+}`}`,
    )
    .join('')
}

const escaped = (text: string): string => text.replace(/\[-|-\]|\{\+|\+\}|\\/g, '\\$&')

function runsOf(sent: string, known: string): Run[] {
  const shorter = Math.min(sent.length, known.length)
  let start = 0
  while (start < shorter && sent[start] === known[start]) start++
  let end = 0
  while (end < shorter - start && sent.at(-1 - end) === known.at(-1 - end)) end++
  const keep = (text: string): Run[] => (text === '' ? [] : [{ kept: true, from: text, to: text }])
  const middle = alignedRuns(sent.slice(start, sent.length - end), known.slice(start, known.length - end))
  return [...keep(sent.slice(0, start)), ...middle, ...keep(sent.slice(sent.length - end))]
}

/** Aligns two texts along their longest common subsequence. */
function alignedRuns(from: string, to: string): Run[] {
  const common = Array.from({ length: from.length + 1 }, () => new Uint16Array(to.length + 1))
  const at = (row: number, column: number): number => common[row]?.[column] ?? 0
  for (let i = from.length - 1; i >= 0; i--) {
    for (let j = to.length - 1; j >= 0; j--) {
      const row = common[i]
      if (row) row[j] = from[i] === to[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const runs: Run[] = []
  for (let i = 0, j = 0; i < from.length || j < to.length; ) {
    const [sent, known] = [from[i] ?? '', to[j] ?? '']
    if (sent !== '' && sent === known) {
      runs.push({ kept: true, from: sent, to: known })
      i++
      j++
    } else if (sent !== '' && (known === '' || at(i + 1, j) >= at(i, j + 1))) {
      runs.push({ kept: false, from: sent, to: '' })
      i++
    } else {
      runs.push({ kept: false, from: '', to: known })
      j++
    }
  }
  return runs.reduce<Run[]>(joinAlike, [])
}

function joinAlike(runs: Run[], next: Run): Run[] {
  const last = runs.at(-1)
  if (last?.kept !== next.kept) return [...runs, next]
  return [...runs.slice(0, -1), { kept: next.kept, from: last.from + next.from, to: last.to + next.to }]
}

// Shorter than this, what two changes have in common between them is chance.
const SHORTEST_KEPT = 3

/** Two changes with hardly anything between them read better as one. */
function joinNearChanges(runs: readonly Run[]): Run[] {
  return runs
    .map((run, index) => {
      const between = index > 0 && index < runs.length - 1
      return run.kept && between && run.from.length < SHORTEST_KEPT ? { ...run, kept: false } : run
    })
    .reduce<Run[]>(joinAlike, [])
}
