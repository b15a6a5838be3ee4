import { whyBadName } from './readable-name.ts'
import type { RegistrationFault } from './registration-rules.ts'
import { type NewUser, type User, whyBadEmail, whyBadLogin } from './user.ts'

/** A user under the names that files, commands and the administration API use; never a password or its hash. */
export const showUser = (user: User) => ({
  id: user.id,
  login: user.login,
  type: user.type,
  name: user.name,
  email: user.email ?? null,
  emailVerified: user.emailVerified,
  givenName: user.profile.givenName ?? null,
  familyName: user.profile.familyName ?? null,
  phoneNumber: user.profile.phoneNumber ?? null,
  picture: user.profile.picture ?? null,
  locale: user.locale ?? null,
  isAdmin: user.isAdmin,
  isEnabled: user.isEnabled,
})

const whyBadPhone = (phone: string): string | undefined =>
  /^\+?[0-9][0-9 ()./-]{1,30}$/.test(phone) ? undefined : 'is not a phone number, such as +49 30 123456'

const whyBadPicture = (url: string): string | undefined => {
  const plain = /^https:\/\/[\x21-\x7e]{1,2040}$/.test(url) && URL.canParse(url)
  // Everybody who may see the picture is sent there, with what stands in the address.
  const { username, password } = plain ? new URL(url) : { username: '', password: '' }
  return plain && username + password === '' ? undefined : 'must be an https URL of at most 2048 ASCII characters'
}

function whyBadLocale(locale: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(locale).length === 1 ? undefined : 'is empty'
  } catch {
    return 'is not a language tag (BCP 47), such as de or en-GB'
  }
}

/** Everything that is wrong with a user record. */
export function userFaults(user: NewUser): RegistrationFault[] {
  const judge = (attribute: string, value: string | undefined, why: (text: string) => string | undefined) => {
    const reason = value === undefined ? undefined : why(value)
    return reason === undefined ? [] : [{ attribute, reason }]
  }
  return [
    ...judge('login', user.login, whyBadLogin),
    ...judge('email', user.email, whyBadEmail),
    ...judge('emailVerified', user.emailVerified && user.email === undefined ? '' : undefined, () => 'needs an email'),
    ...judge('name', user.name, whyBadName),
    ...judge('givenName', user.profile?.givenName, whyBadName),
    ...judge('familyName', user.profile?.familyName, whyBadName),
    ...judge('phoneNumber', user.profile?.phoneNumber, whyBadPhone),
    ...judge('picture', user.profile?.picture, whyBadPicture),
    ...judge('locale', user.locale, whyBadLocale),
  ]
}
