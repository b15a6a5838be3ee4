import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NOT_CARRIED_OUT } from '../not-carried-out.ts'
import type { Check } from './check.ts'
import { machine, type Reached, reachedInWords } from './report.ts'
import type { Form } from './run.ts'

const FILE = fileURLToPath(new URL('../../../docs/reliability.md', import.meta.url))
const HEADER = '| id | what happens | required | form | outcome | reached |\n|---|---|---|---|---|---|'
const ROW = /^\| ([A-Za-z][A-Za-z0-9-]*) \| .*\| (quick|long) \| /

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

function rowOf(each: Reached, date: string): string {
  const timed = each.timed && each.form === 'quick' ? '; limits of time are wider in the quick form' : ''
  const outcome = `${each.outcome === 'missed' ? '**missed**' : each.outcome}, ${date}`
  const required = `${each.required}${timed}`
  return `| ${[each.id, each.what, required, each.form, outcome, reachedInWords(each)].map(cell).join(' | ')} |`
}

/** The rows that stand in the document, under their id and form. */
function rowsThere(): Map<string, string> {
  if (!existsSync(FILE)) return new Map()
  const lines = readFileSync(FILE, 'utf8').split('\n')
  return new Map(
    lines.flatMap((line) => {
      const [, id, form] = ROW.exec(line) ?? []
      return id === undefined ? [] : [[`${id} ${form}`, line] as const]
    }),
  )
}

/** Writes what was reached into docs/reliability.md; rows of checks and forms that were not carried out now stay. */
export function writeDocument(reached: readonly Reached[], checks: readonly Check[], date = ''): void {
  if (date === '') throw new Error('--write needs --date or RELIABILITY_DATE, such as 2026-11-21')
  const rows = rowsThere()
  for (const each of reached) rows.set(`${each.id} ${each.form}`, rowOf(each, date))
  const forms: readonly Form[] = ['quick', 'long']
  const table = checks.flatMap(({ id, what, required }) => {
    const own = forms.flatMap((form) => rows.get(`${id} ${form}`) ?? [])
    return own.length > 0 ? own : [`| ${[id, what, required, '–', 'not carried out', '–'].map(cell).join(' | ')} |`]
  })
  mkdirSync(dirname(FILE), { recursive: true })
  writeFileSync(FILE, documentOf(table.join('\n'), date))
}

const documentOf = (table: string, date: string): string => `# Reliability: the figures reached

Written by the scripts themselves (\`scripts/reliability/\`), last on ${date}, on ${machine()}.
Figures of time were taken on that machine while it had other work, and are no benchmark.

${HEADER}
${table}

Not carried out:
${NOT_CARRIED_OUT.map(([id, what, reason]) => `- ${id}, ${what}: ${reason}.`).join('\n')}

## Repeat it
\`\`\`sh
npm run reliability -- --quick            # every check in its short form, as in CI
npm run reliability                       # the long form; takes hours
npm run reliability -- R-01 R-06 --quick  # some of them
npm run reliability -- --list             # what there is
npm run reliability -- --seed 42 R-01     # the same random moments again
npm run reliability -- --quick --json reached.json --write --date 2026-11-21   # this file
\`\`\`
The exit code is 1 when a figure is missed. R-03 and R-06 mount file systems and need root; R-04 needs strace, R-09 faketime, R-12 haproxy.
Where something is missing the check is skipped and says so; with \`TESSERA_REQUIRE_TOOLS=1\`, as in CI, it fails. PostgreSQL comes with the
development packages and runs with \`fsync=on\`. How much the two forms do is in \`scripts/reliability/plan.ts\`.

R-09 gives the instance its record of the time first (\`tessera db clock --reset\`): a new one writes down what it believes after an hour. What is
promised about time, and what is not, is in [storage.md](storage.md#time); what happens without a log, in [storage.md](storage.md#the-log).

What counts as acknowledged is what an app received in full with status 200. The load is apps that do as they should: they sign people
in, refresh, revoke and introspect, and ask again with the very same request when they got no answer. "Spent twice" is proved by what
apps were told (no code and no token has two successors) and by the database (no family has two tokens that were never rotated).

A server on SQLite looks whether its file still has its name before and after every commit (some microseconds for a group of commits that
share one), and once a second. After the file was removed, renamed or replaced no write is acknowledged any more, and \`/health/ready\` answers
503; reads are answered from the old file for one second at most. Then the server says why on the log and stops with exit code 1.

That nothing survives what ends it is no matter of load: \`test/ending-what-is-in-flight.ts\` lets each ending happen before every statement of a request
and before its commit, and the request before every statement of the ending.
`
