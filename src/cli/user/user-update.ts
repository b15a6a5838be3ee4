import type { Command } from 'commander'
import { requireUser } from '../../admin/users/find-user.ts'
import { NO_ADMINISTRATOR, watchAdministrators } from '../../admin/users/last-administrator.ts'
import { updateUser } from '../../admin/users/users.ts'
import { showUser } from '../../domain/users/user-attributes.ts'
import { readUserDetails, showUserRecord } from '../../domain/users/user-record.ts'
import { commandLine } from '../kit/actor.ts'
import { differences } from '../kit/differences.ts'
import { helpText } from '../kit/help.ts'
import { namingFlags } from '../kit/naming-flags.ts'
import { print, warn } from '../kit/output.ts'
import { wrongUsage } from '../kit/problem.ts'
import { withCore } from '../kit/with-core.ts'
import { inFlags } from './user-faults.ts'
import { type DetailFlags, readDetailFlags, withDetailFlags } from './user-flags.ts'

const HELP = helpText(
  [
    'tessera user update david --email david@example.com --email-verified',
    'tessera user update david --nickname Dave --birthdate 1984-02-29 --zoneinfo Europe/London',
    'tessera user update david --website "" --no-admin --json',
  ],
  `An empty value removes a detail; details that are not given stay. Login and type never change; for the password use tessera user
set-password. A new e-mail address or phone number counts as unverified unless its flag is given too.`,
)

/** `tessera user update`: details of a person or a System User. */
export function updateCommand(user: Command): void {
  withDetailFlags(
    user.command('update <user>').description('change details of a user; apps see them from their next request'),
    { negatable: true },
  )
    .addHelpText('after', HELP)
    .action(update)
}

async function update(name: string, flags: DetailFlags, command: Command): Promise<void> {
  const given = readDetailFlags(flags)
  if (Object.keys(given).length === 0)
    throw wrongUsage('nothing to change: give a detail, such as --nickname; tessera user update --help lists them all')
  await withCore(command, async ({ store, clock }) => {
    const { before, after, leftNone } = await store.writeAlone(async (unit) => {
      const before = await requireUser(unit, name)
      const wanted = { ...before, ...readUserDetails(before, given) }
      const change = () => updateUser(unit, wanted, commandLine(clock())).catch(namingFlags(inFlags))
      const { result: after, leftNone } = await watchAdministrators(unit, change)
      return { before, after, leftNone }
    })
    print(command, showUserRecord(after), differences(showUser(before), showUser(after)))
    if (leftNone) warn(command, NO_ADMINISTRATOR)
  })
}
