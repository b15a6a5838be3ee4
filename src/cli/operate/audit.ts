import { type Command, Option } from 'commander'
import { requireApp } from '../../admin/apps/apps.ts'
import { findUser, requireUser } from '../../admin/users/find-user.ts'
import { AUDIT_EVENTS, type AuditRecord } from '../../domain/instance/audit.ts'
import { isoTime } from '../../lib/time/clock.ts'
import type { AuditCursor, AuditFilter } from '../../store/repositories/instance/audit-events.ts'
import type { Repositories } from '../../store/store.ts'
import { countFlag, timeFlag } from '../kit/durations.ts'
import { helpText } from '../kit/help.ts'
import { jsonText, print, printPart, table } from '../kit/output.ts'
import { detailText } from '../kit/value-text.ts'
import { withCoreAsItIs } from '../kit/with-core.ts'

const LISTED = 50
const PAGE = 1000

interface Flags {
  readonly app?: string
  readonly user?: string
  readonly event?: string
  readonly since?: (now: number) => number
  readonly until?: (now: number) => number
  readonly limit?: number
}

/** `tessera audit ...`: what happened, who did it, and how it went. */
export function auditCommands(program: Command): void {
  const audit = program
    .command('audit')
    .description('the audit log: sign-ins, consents, tokens and administrative changes')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera audit list --since 1d', 'tessera audit export --since 30d']))
  withFilters(audit.command('list').description('list the latest events, newest first'))
    .option('--limit <number>', `how many at most (default: ${LISTED})`, countFlag)
    .addHelpText(
      'after',
      helpText([
        'tessera audit list',
        'tessera audit list --event sign_in_failed --since 1d',
        'tessera audit list --limit 10 --json',
      ]),
    )
    .action(list)
  withFilters(
    audit.command('export').description('print all events, one JSON object per line (NDJSON), the oldest first'),
  )
    .option('--limit <number>', 'how many at most (default: all)', countFlag)
    .addHelpText(
      'after',
      helpText(['tessera audit export', 'tessera audit export --since 2026-01-01 --until 2026-02-01']),
    )
    .action(exportAll)
}

const withFilters = (command: Command): Command =>
  command
    .option('--app <application-uri>', 'only events that concern this app')
    .option('--user <user>', 'only events that concern this user: login, e-mail or id')
    .addOption(new Option('--event <name>', 'only events with this name').choices(AUDIT_EVENTS))
    .option('--since <time>', 'from this time on: a date such as 2026-01-31, or an age such as 7d', timeFlag)
    .option('--until <time>', 'before this time', timeFlag)

/** An event as commands print it. */
const shown = ({ id, at, address, app, user, ...record }: AuditRecord) => ({
  id,
  at: isoTime(at),
  event: record.event,
  outcome: record.outcome,
  actor: record.actor,
  address: address ?? null,
  app: app ?? null,
  user: user ?? null,
  detail: record.detail,
})

const list = (flags: Flags, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store, clock }) => {
    const filter = await readFilter(flags, store.read, clock())
    const records = await store.read.auditEvents.read(filter, flags.limit ?? LISTED, undefined, 'newest')
    const nameOf = await namesOf(records, store.read)
    const rows = records.map((record) => [
      isoTime(record.at),
      record.event,
      record.outcome,
      record.actor.replace(/^user:(.*)$/, (_whole, id: string) => `user:${nameOf(id)}`),
      record.address ?? '-',
      record.app ?? '-',
      record.user === undefined ? '-' : nameOf(record.user),
      detailText(record.detail),
    ])
    const heading = ['Time', 'Event', 'Outcome', 'Actor', 'Address', 'App', 'User', 'Detail']
    print(command, records.map(shown), table(heading, rows, 'The audit log holds no such events.'))
  })

const exportAll = (flags: Flags, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store, clock }) => {
    const filter = await readFilter(flags, store.read, clock())
    let left = flags.limit ?? Infinity
    let after: AuditCursor | undefined
    while (left > 0) {
      const page = await store.read.auditEvents.read(filter, Math.min(PAGE, left), after)
      const text = page.map((record) => `${jsonText(shown(record))}\n`).join('')
      if (page.length > 0 && !(await printPart(command, text))) return
      if (page.length < PAGE) return
      left -= page.length
      after = page.at(-1)
    }
  })

/**
 * The log outlives those it speaks of, so a name that nobody has any more is taken as it is.
 * @throws Refused for an app or a user that neither the instance nor the log knows
 */
async function readFilter(
  { app, user, event, since, until }: Flags,
  read: Pick<Repositories, 'auditEvents' | 'apps' | 'users'>,
  now: number,
) {
  const isInLog = async (filter: AuditFilter): Promise<boolean> => (await read.auditEvents.latest(filter, 1)).length > 0
  const id = user === undefined ? undefined : ((await findUser(read.users, user))?.id ?? user)
  if (app !== undefined && !(await isInLog({ app }))) await requireApp(read, app)
  if (user !== undefined && id === user && !(await isInLog({ user }))) await requireUser(read, user)
  return { app, user: id, event, since: since?.(now), until: until?.(now) } satisfies AuditFilter
}

/** Knows the logins of everybody these events speak of. */
async function namesOf(
  records: readonly AuditRecord[],
  { users }: Pick<Repositories, 'users'>,
): Promise<(id: string) => string> {
  const ids = records.flatMap(({ actor, user }) => [user ?? [], actor.startsWith('user:') ? actor.slice(5) : []].flat())
  const logins = await users.loginsOf(ids)
  return (id) => logins.get(id) ?? id
}
