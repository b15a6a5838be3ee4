/** What a run of tap said. */
export interface Verdict {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly failures: readonly Failure[]
}

export interface Failure {
  /** From the file down to the assertion. */
  readonly path: readonly string[]
  /** What tap tells about it. */
  readonly lines: readonly string[]
}

const TOLD_LINES = 40
const SUMMARY = /^# \{ (total: \d+.*) \}$/m
const SUBTEST = /^( *)# Subtest: (.*)$/
const FAILURE = /^( *)not ok \d+ - (.*)$/

/**
 * Reads the TAP of a run.
 * @returns nothing when the run did not come to its end
 * @see https://testanything.org/tap-version-14-specification.html
 */
export function readTap(text: string): Verdict | undefined {
  const [, summary] = SUMMARY.exec(text) ?? []
  if (summary === undefined) return undefined
  const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(summary)?.[1] ?? 0)
  return {
    passed: count('pass'),
    failed: count('fail'),
    skipped: count('skip') + count('todo'),
    failures: failuresIn(text.split('\n')),
  }
}

function failuresIn(lines: readonly string[]): Failure[] {
  const failures: Failure[] = []
  const open: { indent: number; name: string }[] = []
  for (const [index, line] of lines.entries()) {
    const [, indent, title] = SUBTEST.exec(line) ?? []
    if (indent !== undefined && title !== undefined) {
      while ((open.at(-1)?.indent ?? -1) >= indent.length) open.pop()
      open.push({ indent: indent.length, name: title })
      continue
    }
    const [, before = '', said] = FAILURE.exec(line) ?? []
    // What has a time is a test; why it failed was told by the assertions in it.
    if (said === undefined || / # (time=|TODO|SKIP)/.test(said)) continue
    const path = [...open.filter((one) => one.indent < before.length).map(({ name }) => name), said]
    failures.push({ path, lines: detailBelow(lines, index, before.length) })
  }
  return failures
}

/** The YAML block below a result. */
function detailBelow(lines: readonly string[], index: number, indent: number): string[] {
  const below = lines.slice(index + 1, index + 1 + TOLD_LINES)
  if (below[0]?.trim() !== '---') return []
  const end = below.findIndex((line) => line.trim() === '...')
  return below.slice(1, end < 0 ? undefined : end).map((line) => line.slice(indent))
}
