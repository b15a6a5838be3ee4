import { isoTime } from '../lib/clock.ts'
import type { User, UserDetails, UserProfile } from './user.ts'
import { showUser } from './user-attributes.ts'

/** The whole record; never a password or its hash. */
export const showUserRecord = (user: User) => ({
  ...showUser(user),
  createdAt: isoTime(user.createdAt),
  updatedAt: isoTime(user.updatedAt),
})

/** The details of a JSON record whose members have the right names and types; `null` is nothing. */
export interface UserInput {
  readonly name?: string | null
  readonly email?: string | null
  readonly emailVerified?: boolean | null
  readonly givenName?: string | null
  readonly familyName?: string | null
  readonly phoneNumber?: string | null
  readonly picture?: string | null
  readonly locale?: string | null
  readonly isAdmin?: boolean | null
}

const PROFILE = ['givenName', 'familyName', 'phoneNumber', 'picture'] as const satisfies readonly (keyof UserProfile)[]

/** Puts what a JSON record says into a user's details; a new e-mail address is not a verified one unless it says so. */
export function readUserDetails(before: Pick<User, 'login'> & UserDetails, body: UserInput): UserDetails {
  const told = <T>(value: T | null | undefined, known: T, standard: T): T =>
    value === undefined ? known : (value ?? standard)
  const email = told<string | undefined>(body.email, before.email, undefined)
  const verified = email === before.email ? before.emailVerified : false
  const profile = PROFILE.map((name) => [name, told<string | undefined>(body[name], before.profile[name], undefined)])
  return {
    name: told(body.name, before.name, before.login),
    email,
    emailVerified: told(body.emailVerified, verified, false),
    locale: canonicalLocale(told<string | undefined>(body.locale, before.locale, undefined)),
    profile: Object.fromEntries(profile.filter(([, value]) => value !== undefined)) as UserProfile,
    isAdmin: told(body.isAdmin, before.isAdmin, false),
  }
}

/** The usual spelling of a language tag; what is none stays for the judgement to name. */
function canonicalLocale(locale: string | undefined): string | undefined {
  try {
    return locale === undefined ? undefined : (Intl.getCanonicalLocales(locale)[0] ?? locale)
  } catch {
    return locale
  }
}
