import { type Command, InvalidArgumentError } from 'commander'
import type { Refusal } from '../../domain/refusals/refusal.ts'
import { isoTime } from '../../lib/time/clock.ts'
import { type Explanation, explainRefusal } from '../../operations/refusals/explain-refusal.ts'
import type { Repositories } from '../../store/store.ts'
import { timeFlag } from '../kit/durations.ts'
import { expectedLines } from '../kit/expected-lines.ts'
import { helpText } from '../kit/help.ts'
import { block, print, table } from '../kit/output.ts'
import { impossible } from '../kit/problem.ts'
import { createReadRegistered } from '../kit/registered.ts'
import { withCoreAsItIs } from '../kit/with-core.ts'

const NOTATION = `If a registered value is similar to the one sent, "nearest" shows the difference: [-x-] was sent but is not registered, {+x+} is
registered but was not sent; a backslash precedes such a mark in the value itself.

With --json, sent, expected and nearest are strings or null; if several values would have been right, expected joins them with ", "
and expectedOneOf lists them.`

/** `tessera refusal ...`: requests that were turned down. */
export function refusalCommands(program: Command): void {
  const refusal = program
    .command('refusal')
    .description('requests that were refused, and how to fix them')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera refusal list', 'tessera refusal show 0123456789abcdef']))
  refusal
    .command('show <refusal-id...>')
    .description('explain a refusal: cause, what was sent and expected, the nearest registered value, the fix')
    .addHelpText(
      'after',
      helpText(['tessera refusal show 0123456789abcdef', 'tessera refusal show 0123456789abcdef --json'], NOTATION),
    )
    .action((ids: readonly string[], _flags: unknown, command: Command) => show(ids, command))
  refusal
    .command('list')
    .description('list the latest refusals')
    .option('--app <application-uri>', 'only refusals of this client_id, registered or not')
    .option('--error <code>', 'only refusals with this error code, such as invalid_client')
    .option('--status <number>', 'only refusals with this HTTP status', statusFlag)
    .option('--endpoint <path>', 'only refusals at this path, or at paths that end so, such as /connect/token')
    .option('--since <time>', 'from this time on: a date such as 2026-01-31, or an age such as 7d', timeFlag)
    .option('--limit <number>', 'how many at most', limitFlag, 20)
    .addHelpText(
      'after',
      helpText([
        'tessera refusal list --app my.trusted.app/web',
        'tessera refusal list --error invalid_client --endpoint /connect/token --since 1d',
        'tessera refusal list --status 429 --limit 5',
      ]),
    )
    .action(list)
}

function limitFlag(text: string): number {
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > 10_000) throw new InvalidArgumentError('Expected a whole number from 1 to 10000.')
  return limit
}

function statusFlag(text: string): number {
  if (!/^[45]\d\d$/.test(text)) throw new InvalidArgumentError('Expected a number from 400 to 599.')
  return Number(text)
}

interface ListFlags {
  readonly app?: string
  readonly error?: string
  readonly status?: number
  readonly endpoint?: string
  readonly since?: (now: number) => number
  readonly limit: number
}

async function explainAll(
  refusals: readonly Refusal[],
  read: Pick<Repositories, 'apps' | 'users' | 'resources' | 'settings'>,
) {
  const readRegistered = createReadRegistered(read)
  const explained: { readonly refusal: Refusal; readonly explanation: Explanation }[] = []
  for (const refusal of refusals)
    explained.push({ refusal, explanation: explainRefusal(refusal, await readRegistered(refusal)) })
  return explained
}

/** One refusal, or several below one another; with --json one document, or a list of them. */
const show = (texts: readonly string[], command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store }) => {
    const refusals: Refusal[] = []
    for (const text of texts) refusals.push(await requireRefusal(text, store.read))
    const explained = await explainAll(refusals, store.read)
    const documents = explained.map(({ refusal, explanation }) => document(refusal, explanation))
    const shown = explained.map(({ refusal, explanation }) => textOf(refusal, explanation))
    print(command, documents.length === 1 ? documents[0] : documents, shown.join('\n\n'))
  })

async function requireRefusal(text: string, { refusals }: Pick<Repositories, 'refusals'>): Promise<Refusal> {
  const id = text.trim().toLowerCase()
  const refusal = await refusals.find(id)
  if (refusal) return refusal
  throw impossible(
    `no refusal has the id ${JSON.stringify(id)}; it may be mistyped, no longer kept (RefusalRetention, RefusalLimit), or only in the log of the server, as are unknown addresses, unreadable requests and floods`,
  )
}

/** What scripts rely on comes first. */
const document = (refusal: Refusal, { otherwise, expectedOneOf, nearestValue, rule, ...explanation }: Explanation) => ({
  ...explanation,
  otherwise,
  expectedOneOf,
  nearestValue,
  rule,
  app: refusal.app ?? null,
  status: refusal.status,
  description: refusal.description,
  parameters: refusal.parameters,
  address: refusal.address,
  at: isoTime(refusal.at),
})

function textOf(refusal: Refusal, explanation: Explanation): string {
  const { sent, nearest, otherwise } = explanation
  const entries: (readonly [string, string | readonly string[] | null])[] = [
    ['refusal', refusal.id],
    ['when', isoTime(refusal.at)],
    ['endpoint', `${refusal.method} ${refusal.endpoint}`],
    ['app', refusal.app ?? null],
    ['answer', `${refusal.error}: ${refusal.description}`],
    ['cause', explanation.cause],
    ['sent', sent],
    ['expected', expectedLines(explanation)],
    ['nearest', nearest],
    ['fix', explanation.fix],
    ['or', otherwise],
  ]
  return block(
    entries.filter((entry): entry is [string, string | readonly string[]] => entry[1] !== null && entry[1].length > 0),
  )
}

const list = ({ limit, since, ...filter }: ListFlags, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store, clock }) => {
    const wanted = { ...filter, since: since?.(clock()) }
    const refusals = await store.read.refusals.list(limit, wanted)
    const explained = await explainAll(refusals, store.read)
    const rows = explained.map(({ refusal, explanation }) => [
      refusal.id,
      isoTime(refusal.at),
      refusal.app ?? '-',
      refusal.error,
      explanation.cause,
    ])
    const isFiltered = Object.values(wanted).some((value) => value !== undefined)
    const nothing = isFiltered ? 'No such request was refused.' : 'No request was refused.'
    print(
      command,
      explained.map(({ refusal, explanation }) => document(refusal, explanation)),
      table(['Refusal', 'When', 'App', 'Error', 'Cause'], rows, nothing),
    )
  })
