import { isIP } from 'node:net'
import { domainToASCII, domainToUnicode } from 'node:url'
import { lengthOfPassword } from '../../lib/text/password-spelling.ts'
import { LONGEST_NAME } from '../records/longest-name.ts'
import { holdsHidden } from '../records/readable-name.ts'
import { type IsListed, isCommonPassword } from './common-passwords.ts'

export const USER_TYPES = ['InternalUser', 'ExternalCommunityUser', 'SystemUserNoLogin'] as const
export type UserType = (typeof USER_TYPES)[number]

/** What a user record may say of a person beside name, e-mail and locale; what is unknown is left out. @see OIDC Core §5.1, §5.1.1 */
export interface UserProfile {
  readonly givenName?: string
  readonly familyName?: string
  readonly middleName?: string
  readonly nickname?: string
  /** An https URL, like the next two. */
  readonly profilePage?: string
  readonly picture?: string
  readonly website?: string
  readonly gender?: string
  /** `YYYY-MM-DD`, `0000-MM-DD` or `YYYY`. */
  readonly birthdate?: string
  /** IANA, such as `Europe/Sofia`. */
  readonly zoneinfo?: string
  readonly phoneNumber?: string
  readonly phoneNumberVerified?: boolean
  /** The whole postal address as it is printed on an envelope, and then its parts. */
  readonly formattedAddress?: string
  readonly streetAddress?: string
  readonly locality?: string
  readonly region?: string
  readonly postalCode?: string
  readonly country?: string
}

/** A person or a service account of the instance. */
export interface User {
  /** Stable UUID; the `sub` of the user's tokens. */
  readonly id: string
  readonly login: string
  readonly type: UserType
  readonly name: string
  readonly email: string | undefined
  readonly emailVerified: boolean
  /** BCP 47, such as `de` or `en-GB`. */
  readonly locale: string | undefined
  readonly profile: UserProfile
  readonly isAdmin: boolean
  readonly isEnabled: boolean
  /** Counts up whenever everything issued for the user so far must die. */
  readonly epoch: number
  readonly createdAt: number
  readonly updatedAt: number
}

/** What is needed to make a user; an `id` only where the user comes from another instance. */
export type NewUser = Pick<User, 'login' | 'type'> & Partial<UserDetails> & Partial<Pick<User, 'id'>>

/** What an administrator may change of a user; login and type stay. */
export type UserDetails = Pick<User, 'name' | 'email' | 'emailVerified' | 'locale' | 'profile' | 'isAdmin'>

/**
 * One spelling for all spellings of a login or an e-mail: compatibility forms, case and outer spaces do not count.
 * Upper case in between, because only there do \u00df and ss, or both forms of a final sigma, become one; lower case before it, because
 * only there does the capital \u1e9e become \u00df. In Turkish I and \u0130 are the capitals of \u0131 and i, so that all four are one.
 */
export const canonicalIdentifier = (text: string): string =>
  formerlyCanonical(text.normalize('NFKC').trim().toLowerCase())
    .replace(/i\u0307+/g, 'i')
    .normalize('NFKC')

/** The spelling that stood for all of them until \u1e9e and \u0130 were folded. */
const formerlyCanonical = (text: string): string =>
  text.normalize('NFKC').trim().toUpperCase().toLowerCase().normalize('NFKC')

/**
 * Every spelling under which an account may be known that a login or an e-mail points at: each part of the host after @ is written with
 * letters of any language or with `xn--`, and is the same host. The one that was written comes first, and that of before first of all,
 * which an account has as long as another one has the present one.
 * @see RFC 5890 §2.3.2.1, RFC 6531 §3.2
 */
export function spellingsOf(text: string): string[] {
  const { letters, ascii } = spellingsOfHost(text)
  return [...new Set([text, letters, ascii].flatMap((each) => [formerlyCanonical(each), canonicalIdentifier(each)]))]
}

/** The same text with its host all in letters and all in ASCII; as it is where what is after @ is no name of a host. */
function spellingsOfHost(text: string): { readonly letters: string; readonly ascii: string } {
  const written = text.normalize('NFKC').trim()
  const at = written.lastIndexOf('@')
  const host = written.slice(at + 1)
  const withHost = (known: string): string => (isName(known) ? `${written.slice(0, at)}@${known}` : text)
  if (at === -1 || !PLAIN_HOST.test(host)) return { letters: text, ascii: text }
  return { letters: withHost(domainToUnicode(host)), ascii: withHost(domainToASCII(host)) }
}

// Else the parser of URLs would read a path, an escape or a number into it.
const PLAIN_HOST = /^[a-z0-9.\u0080-\u{10ffff}-]+$/iu
const isName = (host: string): boolean => host !== '' && isIP(host) === 0

/** The one of its spellings that stands for all of them. */
export const nameOfAccount = (text: string): string => canonicalIdentifier(spellingsOfHost(text).letters)

const identifierBy =
  (canonical: (text: string) => string) =>
  (text: string): string => {
    const { letters, ascii } = spellingsOfHost(text)
    const written = canonical(text)
    return written === canonical(ascii) ? written : canonical(letters)
  }

/** What an account is found by that has this login or e-mail: as it is written, but never half in letters and half in ASCII. */
export const identifierOf = identifierBy(canonicalIdentifier)

/** What it was found by once, and still is where another account has the present one. */
export const formerIdentifierOf = identifierBy(formerlyCanonical)

/**
 * What an account is found by: its login and its e-mail, each in its one spelling.
 * @param held what it is found by already; a former spelling stays until `tessera db migrate` finds the present one free
 */
export const identifiersOf = (
  { login, email }: { readonly login: string; readonly email?: string | null | undefined },
  held: readonly string[] = [],
): string[] => [
  ...new Set(
    [login, email ?? login].map((name) => {
      const former = formerIdentifierOf(name)
      return held.includes(former) ? former : identifierOf(name)
    }),
  ),
]

/** Whether a login or an e-mail, in any of its spellings, is that of this person. */
export const isNamedBy = (text: string, user: Pick<User, 'login' | 'email'>): boolean =>
  spellingsOf(text).some((spelling) => identifiersOf(user).includes(spelling))

// Accounts are found by login as well as by id.
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Says why a login name cannot be used, or `undefined`. */
export function whyBadLogin(login: string): string | undefined {
  if (login !== login.trim() || login === '') return 'must not be empty or start or end with a space'
  if (login.length > LONGEST_NAME) return `must be at most ${LONGEST_NAME} characters`
  if (/\p{C}/u.test(login) || holdsHidden(login)) return 'must not contain control or invisible characters'
  if (UUID.test(login)) return 'must not look like a user id (a UUID)'
  return undefined
}

/** Says why an e-mail address cannot be used, or `undefined`; delivery is the only real test. */
export const whyBadEmail = (email: string): string | undefined =>
  email.length <= 254 && /^[^\s@"<>\p{C}]+@[^\s@"<>\p{C}]+$/u.test(email) ? undefined : 'is not an e-mail address'

/** In characters: one for each code point of the spelling that is hashed. */
export const LONGEST_PASSWORD = 1024

/** Says why a password cannot be used, or `undefined`. @see NIST SP 800-63B §5.1.1.2 */
export function whyBadPassword(password: string, isListed: IsListed): string | undefined {
  const length = lengthOfPassword(password)
  if (length < 8) return 'must have at least 8 characters (15 or more are advised)'
  if (length > LONGEST_PASSWORD) return `must have at most ${LONGEST_PASSWORD} characters`
  if (isCommonPassword(password, isListed))
    return 'is one of the most common passwords, which are guessed first; use a few random words'
  return undefined
}
