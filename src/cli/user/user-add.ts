import { type Command, Option } from 'commander'
import { addUser } from '../../admin/users/users.ts'
import { describeFault } from '../../domain/refusals/errors.ts'
import { type NewUser, USER_TYPES } from '../../domain/users/user.ts'
import { newUserDetails, showUserRecord } from '../../domain/users/user-record.ts'
import { createPasswords } from '../../lib/crypto/passwords.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { systemClock } from '../../lib/time/clock.ts'
import { commandLine } from '../kit/actor.ts'
import { helpText } from '../kit/help.ts'
import { namingFlags } from '../kit/naming-flags.ts'
import { note, print } from '../kit/output.ts'
import { wrongUsage } from '../kit/problem.ts'
import { withCore } from '../kit/with-core.ts'
import { choosePassword, withPasswordFlags } from './password-input.ts'
import { type AddFlags, userFaults } from './user-faults.ts'
import { readDetailFlags, withDetailFlags } from './user-flags.ts'
import { userText } from './user-record.ts'

const HELP = helpText(
  [
    'tessera user add david --email david@example.com --name "David Miller" --generate-password',
    'printf %s "$PASSWORD" | tessera user add david --type InternalUser --email david@example.com --password-stdin --json',
    'tessera user add anna --given-name Anna --family-name Berg --birthdate 1990-05-17 --zoneinfo Europe/Sofia --locality Sofia',
    'tessera user add svc.sync --type SystemUserNoLogin',
  ],
  `Without a password flag you are asked for one on a terminal; in a script the account gets no password and cannot sign in yet.
A SystemUserNoLogin is the account that a service acts as: it has no password and never signs in.`,
)

/** `tessera user add`: a person or a System User. */
export function addCommand(user: Command): void {
  const add = user
    .command('add <login>')
    .description('create an account for a person or a service')
    .addOption(new Option('--type <type>', 'type of account').choices(USER_TYPES).default('InternalUser'))
  withPasswordFlags(withDetailFlags(add, { negatable: false }))
    .addHelpText('after', HELP)
    .action(addAccount)
}

async function addAccount(login: string, flags: AddFlags, command: Command): Promise<void> {
  const wanted: NewUser = { login, type: flags.type, ...newUserDetails(login, readDetailFlags(flags)) }
  const now = systemClock()
  requireSound(userFaults(wanted, flags, undefined, now))
  const chosen = flags.type === 'SystemUserNoLogin' ? undefined : await choosePassword(command, flags, login)
  requireSound(userFaults(wanted, flags, chosen?.password, now))
  await withCore(command, async ({ store, clock }) => {
    const passwordHash = chosen && (await createPasswords().hash(chosen.password))
    const user = await store
      .writeAlone((unit) => addUser(unit, wanted, passwordHash, commandLine(clock())))
      .catch(namingFlags(describeFault))
    const record = { ...showUserRecord(user), ...(chosen?.generated ? { password: chosen.password } : {}) }
    print(command, record, `Added ${user.login}.\n\n${userText(record)}\n`)
    if (chosen?.generated) note(command, 'The password is shown only this once.')
    if (user.type !== 'SystemUserNoLogin' && !chosen) {
      note(
        command,
        `${user.login} has no password and cannot sign in yet; set one with: tessera user set-password ${shellWord(user.login)} --password-stdin`,
      )
    }
  })
}

function requireSound(faults: readonly string[]): void {
  if (faults.length > 0) throw wrongUsage(...faults)
}
