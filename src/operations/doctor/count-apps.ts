import { shellWord } from '../../lib/text/shell.ts'
import type { Finding, Severity } from './finding.ts'

/** What was found about one app. */
export interface AppFinding extends Finding {
  readonly app: string
}

// So that a line can be read; the others are in the JSON.
const MOST_NAMED = 5

const ORDER: readonly Severity[] = ['fault', 'warning', 'ok']

/** Findings that say the same of several apps as one line, what is to be mended first. @param total how many apps there are */
export function countApps(findings: readonly AppFinding[], total: number): Finding[] {
  const alike = new Map<string, AppFinding[]>()
  for (const finding of findings) {
    const key = JSON.stringify([
      finding.severity,
      about(finding.app, finding.found),
      about(finding.app, finding.fix ?? ''),
    ])
    alike.set(key, [...(alike.get(key) ?? []), finding])
  }
  return [...alike.values()]
    .sort(([a], [b]) => ORDER.indexOf(a?.severity ?? 'ok') - ORDER.indexOf(b?.severity ?? 'ok'))
    .flatMap((group) => asOne(group, total))
}

const about = (app: string, text: string): string => text.replaceAll(shellWord(app), 'APP').replaceAll(app, 'APP')

function asOne(group: readonly AppFinding[], total: number): Finding[] {
  const [first, second] = group
  if (first === undefined) return []
  if (second === undefined) return [first]
  const { severity, app, found, fix } = first
  const check = `${group.length} of ${total} apps`
  if (severity === 'ok' || fix === null) return [{ severity, check, found, fix }]
  return [{ severity, check, found: about(app, found), fix: `${about(app, fix)}, where APP is ${namesOf(group)}` }]
}

const namesOf = (group: readonly AppFinding[]): string => {
  const named = group.slice(0, MOST_NAMED).map(({ app }) => shellWord(app))
  const more = group.length - named.length
  return `${named.join(', ')}${more > 0 ? ` and ${more} more (--json names them)` : ''}`
}
