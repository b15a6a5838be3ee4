import { DAY } from '../../lib/time/clock.ts'
import { readTime } from '../../lib/time/read-time.ts'
import { whyMiswritten } from '../protocol/redirect-uri.ts'
import { whyBadName } from '../records/readable-name.ts'

/** Says why a text cannot be stored, or `undefined`. @param now milliseconds since 1970 */
export type WhyBad = (text: string, now: number) => string | undefined

export const whyBadPhone: WhyBad = (phone) =>
  /^\+?[0-9][0-9 ()./-]{1,30}$/.test(phone) ? undefined : 'is not a phone number, such as +49 30 123456'

/** Apps show people what is there, or lead them to it. */
export const whyBadLink: WhyBad = (url) => {
  const plain = whyMiswritten(url) === undefined && /^https:\/\/./.test(url) && URL.canParse(url)
  const { username, password } = plain ? new URL(url) : { username: '', password: '' }
  return plain && username + password === '' ? undefined : 'must be an https URL of at most 2048 ASCII characters'
}

export const whyBadLocale: WhyBad = (locale) => {
  try {
    return Intl.getCanonicalLocales(locale).length === 1 ? undefined : 'is empty'
  } catch {
    return 'is not a language tag (BCP 47), such as de or en-GB'
  }
}

const EARLIEST_YEAR = '1850'

/** A year of 0000 keeps the year private. @see OIDC Core §5.1 */
export const whyBadBirthdate: WhyBad = (birthdate, now) => {
  const [, year = '', day = '01-01'] = /^(\d{4})(?:-(\d\d-\d\d))?$/.exec(birthdate) ?? []
  // A leap year has every day there is.
  const date = `${year === '0000' ? '2000' : year}-${day}`
  const at = readTime(date)
  if (at === undefined || birthdate === '0000')
    return 'is not a date as YYYY-MM-DD, 0000-MM-DD (without the year) or YYYY'
  // Somewhere it is tomorrow already.
  const sound = year === '0000' || (year >= EARLIEST_YEAR && at <= now + DAY)
  return sound ? undefined : `must be between ${EARLIEST_YEAR} and today`
}

/** Offsets such as +01:00 are no zones: they know no summer. */
export const whyBadZone: WhyBad = (zone) =>
  /^[A-Za-z]/.test(zone) && canonicalZone(zone) !== undefined
    ? undefined
    : 'is not a time zone of the IANA database, such as Europe/Sofia'

function canonicalZone(zone: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}

/** Apps compare names of zones letter by letter; an older name of a zone stays as it is. */
export function tidyZone(zone: string): string {
  const canonical = canonicalZone(zone)
  return canonical?.toLowerCase() === zone.toLowerCase() ? canonical : zone
}

/** The usual spelling of a language tag; what is none stays for the rule to name. */
export function tidyLocale(locale: string): string {
  try {
    return Intl.getCanonicalLocales(locale)[0] ?? locale
  } catch {
    return locale
  }
}

/** Several lines, where a name is one. @see OIDC Core §5.1.1 */
export const whyBadLines: WhyBad = (text) => {
  if (text.length > 500) return 'must have at most 500 characters'
  const reasons = text.split(/\r?\n/).map((line) => (line.trim() === '' ? undefined : whyBadName(line)))
  return text.trim() === '' ? 'must not be empty' : reasons.find((reason) => reason !== undefined)
}
