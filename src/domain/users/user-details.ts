import { whyBadName } from '../records/readable-name.ts'
import { type UserDetails, type UserProfile, whyBadEmail } from './user.ts'
import {
  tidyLocale,
  tidyZone,
  type WhyBad,
  whyBadBirthdate,
  whyBadLines,
  whyBadLink,
  whyBadLocale,
  whyBadPhone,
  whyBadZone,
} from './user-detail-rules.ts'

/** Everything an administrator may set of a user, side by side. */
export type Details = Omit<UserDetails, 'profile'> & UserProfile
export type DetailName = keyof Details

/** One detail, as files, commands and the administration API know it. */
export interface Detail {
  readonly name: DetailName
  /** For people who are about to write one. */
  readonly description: string
  /** What a value has to be. */
  readonly expects: string
  /** The rule for a text; a flag has none. */
  readonly whyBad?: WhyBad
  /** Puts a text into its usual spelling. */
  readonly tidy?: (text: string) => string
  /** What a flag speaks of, and needs. */
  readonly of?: DetailName
}

const NAME = { expects: 'a name', whyBad: whyBadName }
const TEXT = { expects: 'a text', whyBad: whyBadName }
const LINES = { expects: 'a text, line breaks allowed', whyBad: whyBadLines }
const LINK = { expects: 'an https URL', whyBad: whyBadLink }
const FLAG = { expects: 'true or false' }

/** Every detail, in the order in which records show them. */
export const USER_DETAILS: readonly Detail[] = [
  {
    name: 'name',
    description: 'full name; default: given and family name, or else the login',
    expects: 'the full name',
    whyBad: whyBadName,
  },
  {
    name: 'email',
    description: 'may be used to sign in, like the login',
    expects: 'an e-mail address',
    whyBad: whyBadEmail,
  },
  { name: 'emailVerified', description: 'the address is verified', of: 'email', ...FLAG },
  { name: 'givenName', description: 'given name', ...NAME },
  { name: 'familyName', description: 'family name', ...NAME },
  { name: 'middleName', description: 'middle name', ...NAME },
  { name: 'nickname', description: 'nickname', ...NAME },
  { name: 'profilePage', description: 'page about the person, an https URL; the claim profile', ...LINK },
  { name: 'picture', description: 'portrait, an https URL', ...LINK },
  { name: 'website', description: 'page or blog of the person, an https URL', ...LINK },
  { name: 'gender', description: 'gender: female, male or any other word', ...TEXT },
  {
    name: 'birthdate',
    description: 'YYYY-MM-DD, 0000-MM-DD to keep the year private, or the year alone',
    expects: 'a date as YYYY-MM-DD, 0000-MM-DD or YYYY',
    whyBad: whyBadBirthdate,
  },
  {
    name: 'zoneinfo',
    description: 'time zone, such as Europe/Sofia',
    expects: 'a time zone such as Europe/Sofia',
    whyBad: whyBadZone,
    tidy: tidyZone,
  },
  {
    name: 'locale',
    description: 'preferred language, such as de or en-GB',
    expects: 'a language tag such as de or en-GB',
    whyBad: whyBadLocale,
    tidy: tidyLocale,
  },
  { name: 'phoneNumber', description: 'phone number', expects: 'a phone number', whyBad: whyBadPhone },
  { name: 'phoneNumberVerified', description: 'the number is verified', of: 'phoneNumber', ...FLAG },
  { name: 'formattedAddress', description: 'whole postal address, as on an envelope', ...LINES },
  { name: 'streetAddress', description: 'street and house number', ...LINES },
  { name: 'locality', description: 'city or village', ...TEXT },
  { name: 'region', description: 'state, province or region', ...TEXT },
  { name: 'postalCode', description: 'postal code', ...TEXT },
  { name: 'country', description: 'country', ...TEXT },
  { name: 'isAdmin', description: 'an administrator of the instance', ...FLAG },
]

export const isText = ({ whyBad }: Detail): boolean => whyBad !== undefined

/** What a record is before anything is known. */
export const NOTHING_KNOWN = { email: undefined, emailVerified: false, locale: undefined, profile: {}, isAdmin: false }

/** The details of a user side by side. */
export const detailsOf = ({ name, email, emailVerified, locale, isAdmin, profile }: UserDetails): Details => ({
  ...{ name, email, emailVerified, locale, isAdmin },
  ...profile,
})

/** The details back in their places; a profile holds what is known alone. */
export function userDetailsOf({ name, email, emailVerified, locale, isAdmin, ...profile }: Details): UserDetails {
  const known = Object.entries(profile).filter(([, value]) => value !== undefined && value !== false)
  return { name, email, emailVerified, locale, isAdmin, profile: Object.fromEntries(known) }
}
