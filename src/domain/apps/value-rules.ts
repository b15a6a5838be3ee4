import { SECOND } from '../../lib/time/clock.ts'
import { showDuration } from '../../lib/time/duration.ts'
import { isLoopbackHost, whyMiswritten, whyNotNotifiable } from '../protocol/redirect-uri.ts'
import { isScopeToken } from '../protocol/scope.ts'
import { whyNotInList } from '../protocol/uri-list.ts'
import { whyBadName } from '../records/readable-name.ts'
import { readKeySet } from './app-keys.ts'
import type { NamesByLanguage } from './names-by-language.ts'

/** What is wrong with a value, whatever the rest of the record says; each reason completes "NAME ...". */
export type ValueRule<T> = (value: T) => readonly string[]

/** Reasons out of those that may hold. */
const reasons = (...found: readonly (string | undefined | false)[]): string[] =>
  found.filter((reason) => reason !== undefined && reason !== false)

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** An ApplicationUri, which is a `client_id` and the `sub` of service tokens. */
export const clientId: ValueRule<string> = (uri) =>
  reasons(
    !/^[\x21-\x7e]{1,128}$/.test(uri) && 'must be 1 to 128 visible ASCII characters without spaces',
    uri.startsWith('-') && 'must not start with a hyphen: commands would read it as a flag',
    // A user's `sub` is a UUID, and a service token's `sub` is the client_id: the two must never meet. RFC 9700 §4.15
    UUID.test(uri) && 'must not look like a user id (a UUID)',
  )

/** A name that misleads nobody. */
export const readableName: ValueRule<string> = (name) => reasons(whyBadName(name))

const MOST_LANGUAGES = 50

/** The same in several languages. */
export const namesByLanguage: ValueRule<NamesByLanguage> = (names) => [
  ...reasons(Object.keys(names).length > MOST_LANGUAGES && `must have at most ${MOST_LANGUAGES} languages`),
  ...Object.entries(names).flatMap(([language, name]) => {
    const reason = whyBadName(name)
    return reasons(reason && `the one in ${language} ${reason}`)
  }),
]

/** Names that a scope can have. @see RFC 6749 §3.3 */
export const scopeNames: ValueRule<readonly string[]> = (scopes) =>
  scopes.flatMap((scope) => reasons(!isScopeToken(scope) && `${JSON.stringify(scope)} is not a scope name`))

/** The longest that a record may say, in seconds; answers and keys are kept for as long. */
export const MOST_SECONDS = { replayWindow: 60, accessToken: 86_400 } as const

/** A length of time between two others. @param least seconds @param most seconds */
export const secondsBetween =
  (least: number, most: number): ValueRule<number> =>
  (value) =>
    reasons(
      !(Number.isInteger(value) && value >= least && value <= most) &&
        `must be a whole number of seconds from ${least} to ${most}, which is ${showDuration(least * SECOND)} to ${showDuration(most * SECOND)}`,
    )

/** A name before the host would pass for one: `https://bank.example@evil.test/`. */
const isWebUrl = (uri: string, allowLoopback: boolean): boolean => {
  if (!/^https?:\/\//.test(uri) || !URL.canParse(uri)) return false
  const { protocol, hostname, username, password } = new URL(uri)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (allowLoopback && protocol === 'http:' && isLoopbackHost(hostname))
}

const whyNoWebUrl = (uri: string, allowLoopback: boolean): string[] =>
  reasons(whyMiswritten(uri) ?? (!isWebUrl(uri, allowLoopback) && 'must be an https URL'))

/** A page that browsers are sent to. */
export const webUrl: ValueRule<string> = (uri) => whyNoWebUrl(uri, false)

/** The same, or a server of the machine itself. */
export const webUrlOrLoopback: ValueRule<string> = (uri) => whyNoWebUrl(uri, true)

/** Names of authentication contexts, as requests name them. @see OIDC Core §3.1.2.1 */
export const acrValues: ValueRule<readonly string[]> = (values) =>
  values.flatMap((value) =>
    reasons(!/^[\x21-\x7e]{1,256}$/.test(value) && `${JSON.stringify(value)} is not an acr value`),
  )

/** Texts that a list with commas can hold. */
export const contacts: ValueRule<readonly string[]> = (listed) =>
  listed.flatMap((contact) => {
    const reason = whyBadName(contact) ?? (contact.includes(',') ? 'must not contain a comma' : undefined)
    return reasons(reason && `one of them ${reason}`)
  })

/** Where this server can post something. */
export const notifiable: ValueRule<string> = (uri) => reasons(whyNotNotifiable(uri))

/** Keys that verify what an app signs. @see RFC 7517 §5 */
export const keySet: ValueRule<string> = (jwks) => readKeySet(jwks).faults

/** Where a key set is fetched; whether this server may fetch there is asked elsewhere. */
export const keySetUrl: ValueRule<string> = (uri) =>
  reasons(whyMiswritten(uri) ?? ((!/^https?:\/\//.test(uri) || !URL.canParse(uri)) && 'must be an https URL'))

// Of which a parameter has room. OIDC Core §6.2
const LONGEST_REQUEST_URI = 512

/** Where request objects are fetched, likewise. @see OIDC Registration §2 */
export const requestUris: ValueRule<readonly string[]> = (uris) =>
  uris.flatMap((uri) =>
    reasons(
      whyNotInList(uri) && `${uri} ${whyNotInList(uri)}`,
      whyMiswritten(uri, LONGEST_REQUEST_URI) === undefined && /^https?:\/\/./.test(uri) && URL.canParse(uri)
        ? undefined
        : `${uri} must be an https URL of at most ${LONGEST_REQUEST_URI} characters`,
    ),
  )
