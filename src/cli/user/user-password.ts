import type { Command } from 'commander'
import { requireUser } from '../../admin/users/find-user.ts'
import { setUserPassword } from '../../admin/users/users.ts'
import { whyBadPassword } from '../../domain/users/user.ts'
import { showUserRecord } from '../../domain/users/user-record.ts'
import { createPasswords } from '../../lib/crypto/passwords.ts'
import { isListedPassword } from '../../lib/files/listed-passwords.ts'
import { commandLine } from '../kit/actor.ts'
import { helpText } from '../kit/help.ts'
import { note, print } from '../kit/output.ts'
import { impossible, wrongUsage } from '../kit/problem.ts'
import { withCore } from '../kit/with-core.ts'
import { choosePassword, type PasswordFlags, withPasswordFlags } from './password-input.ts'

const HELP = helpText(
  [
    'tessera user set-password david',
    'printf %s "$PASSWORD" | tessera user set-password david@example.com --password-stdin',
  ],
  `Every session and token issued under the old password ends.`,
)

/** `tessera user set-password`: a new password, and an end for everything issued under the old one. */
export function setPasswordCommand(user: Command): void {
  withPasswordFlags(
    user.command('set-password <user>').description('set a new password for a person; asks for it on a terminal'),
  )
    .addHelpText('after', HELP)
    .action(setPassword)
}

const setPassword = (name: string, flags: PasswordFlags, command: Command): Promise<void> =>
  withCore(command, async ({ store, clock }) => {
    const account = await requireUser(store.read, name)
    const { id, login, type } = account
    if (type === 'SystemUserNoLogin')
      throw impossible(`${login} is a SystemUserNoLogin: it never signs in and has no password`)
    const chosen = await choosePassword(command, flags, login)
    if (!chosen)
      throw wrongUsage(
        'a password is missing: give --password-stdin or --generate-password, as there is no terminal to ask on',
      )
    const fault = whyBadPassword(chosen.password, isListedPassword)
    if (fault !== undefined) throw wrongUsage(`password: ${fault}`)
    const passwordHash = await createPasswords().hash(chosen.password)
    const user = await store.writeAlone(async (unit) => {
      await setUserPassword(unit, account, passwordHash, commandLine(clock()))
      return requireUser(unit, id)
    })
    const generated = chosen.generated ? { password: chosen.password } : {}
    const shown = chosen.generated ? `\n\n  password  ${chosen.password}\n` : ''
    print(command, { ...showUserRecord(user), ...generated }, `${login} has a new password.${shown}`)
    if (chosen.generated) note(command, 'The password is shown only this once.')
    note(command, 'Everything issued before has ended.')
  })
