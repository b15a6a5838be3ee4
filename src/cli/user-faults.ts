import { whyBadName } from '../domain/readable-name.ts'
import { type UserType, whyBadEmail, whyBadLogin, whyBadPassword } from '../domain/user.ts'
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
  readonly locale?: string
  readonly admin?: boolean
}

const whyBadPhone = (phone: string): string | undefined =>
  /^\+?[0-9][0-9 ()./-]{1,30}$/.test(phone) ? undefined : 'is not a phone number, such as +49 30 123456'

function whyBadLocale(locale: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(locale).length === 1 ? undefined : 'is empty'
  } catch {
    return 'is not a language tag (BCP 47), such as de or en-GB'
  }
}

/** Everything that is wrong with a new account, one line each. */
export function userFaults(login: string, flags: AddFlags, password: string | undefined): string[] {
  const judge = (what: string, value: string | undefined, why: (text: string) => string | undefined): string[] => {
    const reason = value === undefined ? undefined : why(value)
    return reason === undefined ? [] : [`${what}: ${reason}`]
  }
  const wantsPassword = flags.passwordStdin || flags.generatePassword
  return [
    ...judge('login', login, whyBadLogin),
    ...judge('--email', flags.email, whyBadEmail),
    ...(flags.emailVerified && flags.email === undefined ? ['--email-verified: needs --email'] : []),
    ...judge('--name', flags.name, whyBadName),
    ...judge('--given-name', flags.givenName, whyBadName),
    ...judge('--family-name', flags.familyName, whyBadName),
    ...judge('--phone', flags.phone, whyBadPhone),
    ...judge('--locale', flags.locale, whyBadLocale),
    ...(flags.type === 'SystemUserNoLogin' && wantsPassword
      ? ['password: a SystemUserNoLogin never signs in and has none; leave the password flag out']
      : []),
    ...judge('password', password, whyBadPassword),
  ]
}
