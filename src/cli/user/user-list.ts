import { type Command, Option } from 'commander'
import { requireUser } from '../../admin/users/find-user.ts'
import { keyOfUser, readNewestUsers } from '../../admin/users/newest-users.ts'
import type { User } from '../../domain/users/user.ts'
import { showUserRecord } from '../../domain/users/user-record.ts'
import { shellWord } from '../../lib/text/shell.ts'
import type { Store } from '../../store/store.ts'
import { countFlag } from '../kit/durations.ts'
import { everyPage } from '../kit/every-page.ts'
import { helpText } from '../kit/help.ts'
import { note, print, table } from '../kit/output.ts'
import { withCoreAsItIs } from '../kit/with-core.ts'

interface Flags {
  readonly q?: string
  readonly state?: 'enabled' | 'disabled'
  readonly limit?: number
  readonly after?: string
}

/** `tessera user list`. */
export function listCommand(user: Command): void {
  user
    .command('list')
    .description('list users, newest first')
    .option('--q <text>', 'only those whose login, name or e-mail holds this text, in any letter case')
    .addOption(new Option('--state <state>', 'only those in this state').choices(['enabled', 'disabled']))
    .option('--limit <number>', 'how many at most (default: all)', countFlag)
    .option('--after <user>', 'go on after this user: login, e-mail or id')
    .addHelpText(
      'after',
      helpText([
        'tessera user list',
        'tessera user list --q miller --limit 20',
        'tessera user list --limit 20 --after david --json',
      ]),
    )
    .action(list)
}

const HEADING = ['Login', 'Type', 'Name', 'E-mail', 'Admin', 'State', 'Id']

const list = (flags: Flags, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store }) => {
    const { users, isMore } = await usersFor(flags, store)
    const isFiltered = flags.q !== undefined || flags.state !== undefined || flags.after !== undefined
    const nothing = isFiltered ? 'There are no such users.' : 'There are no users yet; see: tessera user add --help'
    print(command, users.map(showUserRecord), table(HEADING, users.map(rowOf), nothing))
    const last = users.at(-1)
    if (isMore && last) note(command, `there are more; go on with --after ${shellWord(last.login)}`)
  })

async function usersFor({ q, state, limit, after }: Flags, { read }: Pick<Store, 'read'>) {
  const last = after === undefined ? undefined : keyOfUser(await requireUser(read, after))
  const wanted = { like: q, isEnabled: state === undefined ? undefined : state === 'enabled' }
  const users = await everyPage(
    (query) => readNewestUsers(read, { ...query, ...wanted, after: query.after ?? last }),
    limit === undefined ? undefined : limit + 1,
  )
  return { users: users.slice(0, limit), isMore: limit !== undefined && users.length > limit }
}

const rowOf = ({ login, type, name, email, isAdmin, isEnabled, id }: User): string[] => [
  login,
  type,
  name,
  email ?? '-',
  isAdmin ? 'admin' : '-',
  isEnabled ? 'enabled' : 'disabled',
  id,
]
