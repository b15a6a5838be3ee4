import { isoTime } from '../../lib/time/clock.ts'
import { nameFrom } from '../records/readable-name.ts'
import type { NewUser, User, UserDetails } from './user.ts'
import { showUser } from './user-attributes.ts'
import { type Details, detailsOf, NOTHING_KNOWN, USER_DETAILS, userDetailsOf } from './user-details.ts'

/** The whole record; never a password or its hash. */
export const showUserRecord = (user: User) => ({
  ...showUser(user),
  createdAt: isoTime(user.createdAt),
  updatedAt: isoTime(user.updatedAt),
})

/** A new user as they are stored. @param now milliseconds since 1970 */
export const newUserRecord = ({ login, type, ...given }: NewUser, id: string, now: number): User => ({
  id,
  login,
  type,
  name: given.name ?? nameFrom(login),
  email: given.email,
  emailVerified: given.emailVerified ?? false,
  locale: given.locale,
  profile: given.profile ?? {},
  isAdmin: given.isAdmin ?? false,
  isEnabled: true,
  // Above every epoch that a user of the same id can have had before they were removed.
  epoch: now,
  createdAt: now,
  updatedAt: now,
})

/** Details under their names; `null` is nothing, and what is left out stays. */
export type UserInput = { readonly [Name in keyof Details]?: Details[Name] | null }

/** The details of a new user. */
export const newUserDetails = (login: string, given: UserInput): UserDetails =>
  readUserDetails({ login, name: '', ...NOTHING_KNOWN }, { ...given, name: given.name ?? null })

/** Puts what is given into a user's details; a new e-mail address or phone number is not a verified one unless that is said. */
export function readUserDetails(
  { login, ...before }: Pick<User, 'login'> & UserDetails,
  given: UserInput,
): UserDetails {
  const known = detailsOf(before)
  const entries = USER_DETAILS.map(({ name, tidy, of }) => {
    const [value, was] = [given[name], known[name]]
    if (value === null) return [name, undefined]
    if (value === undefined) return [name, of !== undefined && isNew(given[of], known[of]) ? false : was]
    return [name, tidy && typeof value === 'string' ? tidy(value) : value]
  })
  const details = Object.fromEntries(entries) as Details
  return userDetailsOf({
    ...details,
    name: details.name ?? defaultName(login, details),
    emailVerified: details.emailVerified ?? false,
    isAdmin: details.isAdmin ?? false,
  })
}

const isNew = (given: unknown, known: unknown): boolean => given !== undefined && (given ?? undefined) !== known

const defaultName = (login: string, { givenName, familyName }: Details): string =>
  nameFrom([givenName, familyName].filter((part) => part !== undefined).join(' ') || login)
