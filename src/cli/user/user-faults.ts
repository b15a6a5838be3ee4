import { type NewUser, type UserType, whyBadPassword } from '../../domain/users/user.ts'
import { userFaults as recordFaults } from '../../domain/users/user-attributes.ts'
import { isListedPassword } from '../../lib/files/listed-passwords.ts'
import type { PasswordFlags } from './password-input.ts'
import { type DetailFlags, flagOf } from './user-flags.ts'

/** The flags of `tessera user add`. */
export type AddFlags = PasswordFlags & DetailFlags & { readonly type: UserType }

/** Everything that is wrong with a new account, one line each. @param now milliseconds since 1970 */
export function userFaults(user: NewUser, flags: AddFlags, password: string | undefined, now: number): string[] {
  const wantsPassword = flags.passwordStdin || flags.generatePassword
  const badPassword = password === undefined ? undefined : whyBadPassword(password, isListedPassword)
  return [
    ...recordFaults(user, now).map(inFlags),
    ...(flags.type === 'SystemUserNoLogin' && wantsPassword
      ? ['password: a SystemUserNoLogin never signs in and has no password; omit the password flag']
      : []),
    ...(badPassword === undefined ? [] : [`password: ${badPassword}`]),
  ]
}

/** A fault of the record in the words of the command line. */
export const inFlags = ({ attribute, reason }: { readonly attribute: string; readonly reason: string }): string =>
  `${flagOf(attribute)}: ${reason.replace(/^needs an? (\w+)$/, (_, needed: string) => `needs ${flagOf(needed)}`)}`
