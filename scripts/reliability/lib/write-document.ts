import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { wrap } from '../../wrap.ts'
import { NOT_CARRIED_OUT } from '../not-carried-out.ts'
import type { Check } from './check.ts'
import { machine, type Reached, reachedInWords } from './report.ts'
import type { Form } from './run.ts'

const FILE = fileURLToPath(new URL('../../../docs/reliability.md', import.meta.url))
const SECTION = /^### ([A-Za-z][A-Za-z0-9-]*)$/
const ITEM = /^- \*\*(quick|long)\*\*/

function itemOf(each: Reached, date: string): string {
  const outcome = each.outcome === 'missed' ? '**missed**' : each.outcome
  const timed = each.timed && each.form === 'quick' ? ' (limits of time are wider in this form)' : ''
  return wrap(`- **${each.form}**, ${outcome}, ${date}${timed}: ${reachedInWords(each)}`, '  ')
}

/** What stands in the document, under its id and form. */
function itemsThere(): Map<string, string> {
  const items = new Map<string, string>()
  if (!existsSync(FILE)) return items
  let id = ''
  let key: string | undefined
  for (const line of readFileSync(FILE, 'utf8').split('\n')) {
    id = SECTION.exec(line)?.[1] ?? id
    const form = ITEM.exec(line)?.[1]
    // An item goes on for as long as its lines are indented.
    if (form !== undefined) key = `${id} ${form}`
    else if (!line.startsWith('  ')) key = undefined
    if (key !== undefined) items.set(key, [...(form === undefined ? [items.get(key) ?? ''] : []), line].join('\n'))
  }
  return items
}

/** Writes what was reached into docs/reliability.md; what was not carried out now stays as it is. */
export function writeDocument(reached: readonly Reached[], checks: readonly Check[], date = ''): void {
  if (date === '') throw new Error('--write needs --date or RELIABILITY_DATE, such as 2026-11-21')
  const items = itemsThere()
  for (const each of reached) items.set(`${each.id} ${each.form}`, itemOf(each, date))
  const forms: readonly Form[] = ['quick', 'long']
  const sections = checks.map(({ id, what, required }) => {
    const own = forms.flatMap((form) => items.get(`${id} ${form}`) ?? [])
    const outcome = own.length > 0 ? own.join('\n') : 'Not carried out.'
    return `### ${id}\n${wrap(`What happens: ${what}.`)}\n${wrap(`Required: ${required}.`)}\n\n${outcome}\n`
  })
  mkdirSync(dirname(FILE), { recursive: true })
  writeFileSync(FILE, documentOf(sections.join('\n'), date))
}

const documentOf = (sections: string, date: string): string => `# Reliability: the figures reached

The scripts below \`scripts/reliability/\` wrote this page, last on ${date}, on ${machine()}.
That machine had other work meanwhile, so figures of time are no benchmark.

- [Figures](#figures)
- [Not carried out](#not-carried-out)
- [Repeat it](#repeat-it)
- [What the figures mean](#what-the-figures-mean)

## Figures
${sections}
## Not carried out
${NOT_CARRIED_OUT.map(([id, what, reason]) => wrap(`- ${id}, ${what}: ${reason}.`, '  ')).join('\n')}

## Repeat it
\`\`\`sh
npm run reliability -- --quick            # every check in its short form, as in CI
npm run reliability                       # the long form; takes hours
npm run reliability -- R-01 R-06 --quick  # some of them
npm run reliability -- --list             # what there is
npm run reliability -- --seed 42 R-01     # the same random moments again
npm run reliability -- --quick --json reached.json --write --date 2026-11-21   # this file
\`\`\`
The exit code is 1 when a figure is missed. R-03 and R-06 mount file systems and need root; R-04 needs strace, R-09
faketime, R-12 haproxy. Where something is missing the check is skipped and says so; with \`TESSERA_REQUIRE_TOOLS=1\`, as
in CI, it fails. PostgreSQL comes with the development packages and runs with \`fsync=on\`. \`scripts/reliability/plan.ts\`
says how much the two forms do.

R-09 gives the instance its record of the time first (\`tessera db clock --reset\`), because a new instance writes down
only after an hour what it believes. [storage.md](storage.md#time) tells what is promised about time and what is not, and
[what happens without a log](storage.md#the-log).

## What the figures mean
An answer counts as acknowledged when an app received it in full with status 200. The load is apps that do as they
should: they sign people in, refresh, revoke and introspect, and ask again with the very same request when they got no
answer. "Spent twice" is proved by what apps were told (no code and no token has two successors) and by the database (no
family has two tokens that were never rotated).

A server on SQLite checks before and after every commit (some microseconds for a group of commits that share one), and
once a second, that its file still has its name. After the file was removed, renamed or replaced the server acknowledges
no write, and \`/health/ready\` answers 503; it answers reads from the old file for one second at most. Then it says why on
the log and stops with exit code 1.

That nothing survives what ends it is no matter of load: \`test/oauth/kill-switches/ending-what-is-in-flight.ts\` lets each ending happen
before every statement of a request and before its commit, and the request before every statement of the ending.
`
