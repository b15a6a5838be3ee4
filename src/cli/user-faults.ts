import { type NewUser, type UserType, whyBadPassword } from '../domain/user.ts'
import { userFaults as recordFaults } from '../domain/user-attributes.ts'
import type { PasswordFlags } from './password-input.ts'

/** The flags of `tessera user add`. */
export interface AddFlags extends PasswordFlags {
  readonly type: UserType
  readonly email?: string
  readonly emailVerified?: boolean
  readonly name?: string
  readonly givenName?: string
  readonly familyName?: string
  readonly phone?: string
  readonly picture?: string
  readonly locale?: string
  readonly admin?: boolean
}

/** The flag behind an attribute of the record. */
const FLAG_OF: Readonly<Record<string, string>> = {
  email: '--email',
  emailVerified: '--email-verified',
  name: '--name',
  givenName: '--given-name',
  familyName: '--family-name',
  phoneNumber: '--phone',
  picture: '--picture',
  locale: '--locale',
}

/** Everything that is wrong with a new account, one line each. */
export function userFaults(user: NewUser, flags: AddFlags, password: string | undefined): string[] {
  const wantsPassword = flags.passwordStdin || flags.generatePassword
  const badPassword = password === undefined ? undefined : whyBadPassword(password)
  return [
    ...recordFaults(user).map(
      ({ attribute, reason }) => `${FLAG_OF[attribute] ?? attribute}: ${reason.replace('an email', '--email')}`,
    ),
    ...(flags.type === 'SystemUserNoLogin' && wantsPassword
      ? ['password: a SystemUserNoLogin never signs in and has none; leave the password flag out']
      : []),
    ...(badPassword === undefined ? [] : [`password: ${badPassword}`]),
  ]
}
