import { type Command, Option } from 'commander'
import { whyBadPassword } from '../../domain/users/user.ts'
import { newShortId, systemRandom } from '../../lib/crypto/secrets.ts'
import { isListedPassword } from '../../lib/files/listed-passwords.ts'
import { ask, isTerminal, readLineFromStdin } from '../kit/input.ts'
import { wrongUsage } from '../kit/problem.ts'
import { terminalOf } from '../kit/terminal.ts'

/** The flags that say where a password comes from. */
export interface PasswordFlags {
  readonly passwordStdin?: boolean
  readonly generatePassword?: boolean
}

interface ChosenPassword {
  readonly password: string
  /** Made here, so it must be shown once. */
  readonly generated: boolean
}

/** Adds the flags; a password is never a flag's value, where other users of the machine could read it. */
export const withPasswordFlags = (command: Command): Command =>
  command
    .addOption(
      new Option('--password-stdin', 'read the password, one line, from standard input').conflicts('generatePassword'),
    )
    .option('--generate-password', 'generate a password and print it once')

/** The password from where the flags say, or from the person at the terminal; `undefined` when there is nobody to ask. */
export async function choosePassword(
  command: Command,
  flags: PasswordFlags,
  login: string,
): Promise<ChosenPassword | undefined> {
  if (flags.generatePassword)
    return { password: newShortId(systemRandom).replace(/(.{4})(?=.)/g, '$1-'), generated: true }
  if (flags.passwordStdin) return { password: await readLineFromStdin(command, 'password'), generated: false }
  const terminal = terminalOf(command)
  if (!isTerminal(terminal)) return undefined
  const password = await ask(terminal, `New password for ${login}: `, { echo: false })
  const fault = whyBadPassword(password, isListedPassword)
  if (fault !== undefined) throw wrongUsage(`password: ${fault}`)
  const again = await ask(terminal, 'Repeat the password: ', { echo: false })
  if (again !== password) throw wrongUsage('password: the two entries differ')
  return { password, generated: false }
}
