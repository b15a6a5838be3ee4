import { domainToUnicode } from 'node:url'
import { isLoopback } from '../../lib/net/network.ts'

const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]']
const LOOPBACK_ADDRESS = /^(http:\/\/(?:localhost|127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?(?=[/?]|$)(.*)$/

/** Is this host the machine itself, where plain http is allowed? @see RFC 8252 §8.3 */
export const isLoopbackHost = (hostname: string): boolean => LOOPBACK_HOSTS.includes(hostname)

/**
 * Says why a text is not written as a URI is: browsers and servers read what is not allowed there in different ways, a backslash as a
 * slash, a line break as nothing.
 * @see RFC 3986 §2
 */
export function whyMiswritten(uri: string, longest = 2048): string | undefined {
  if (uri.length > longest || !/^[\x21-\x7e]+$/.test(uri))
    return `must be 1 to ${longest} visible ASCII characters without spaces`
  return /[\\"<>^`{|}]/.test(uri) ? 'must not contain backslashes or other characters that URIs exclude' : undefined
}

/**
 * Says why the server cannot send anything to a URI; whether it may go there is known when it does.
 * @returns the reason, or `undefined` when the URI can work
 * @see OIDC Back-Channel Logout §2.2
 */
export function whyNotNotifiable(uri: string): string | undefined {
  const miswritten = whyMiswritten(uri)
  if (miswritten !== undefined) return miswritten
  if (uri.includes('#')) return 'must not have a fragment'
  if (!/^https?:\/\//.test(uri) || !URL.canParse(uri)) return 'must be an https URL'
  const { username, password } = new URL(uri)
  return username !== '' || password !== '' ? 'must not contain a user name or password' : undefined
}

/**
 * Is the presented URI the registered one? Byte for byte, save for the port of a Public app's loopback address or `localhost`.
 * @see RFC 9700 §2.1, RFC 8252 §7.3
 */
export function matchesRegistered(presented: string, registered: string, anyLoopbackPort: boolean): boolean {
  if (presented === registered) return true
  if (!anyLoopbackPort) return false
  const [sent, known] = [LOOPBACK_ADDRESS.exec(presented), LOOPBACK_ADDRESS.exec(registered)]
  if (!sent || !known) return false
  const port = sent[2]
  return sent[1] === known[1] && sent[3] === known[3] && port !== undefined && Number(port) <= 65_535
}

/**
 * Does any program on the person's device get what is sent there? Then the address proves nothing of who asks: ports and schemes
 * are taken by whoever comes, where an https address belongs to somebody.
 * @see RFC 8252 §8.6
 */
export function isOpenToThisDevice(uri: string): boolean {
  const { protocol, hostname } = new URL(uri)
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  return protocol !== 'https:' || host === 'localhost' || host.endsWith('.localhost') || isLoopback(host)
}

/** Where the browser goes, as a CSP source: an origin, or a private-use scheme. */
export function destinationOf(uri: string): string {
  const url = new URL(uri)
  return url.origin === 'null' ? url.protocol : url.origin
}

/**
 * The same for people to read. A host that is written with letters of other scripts is shown in ASCII, which tells letters apart that
 * look alike, and then in these: who reads the beginning alone is not deceived, and people find the name that they know behind it.
 * @see RFC 5890 §2.3.2.1, UTS 39 §4
 */
export function readableDestination(uri: string): string {
  const destination = destinationOf(uri)
  const { hostname } = new URL(uri)
  const inLetters = lettersOf(hostname)
  return inLetters === undefined ? destination : `${destination} (${inLetters})`
}

/** A host in the letters that its `xn--` parts stand for; nothing where it has none. */
export function lettersOf(hostname: string): string | undefined {
  const letters = domainToUnicode(hostname)
  return letters === '' || letters === hostname ? undefined : letters
}

/** The web origin of a redirect URI, for CORS; a private-use scheme has none. */
export function originOf(uri: string): string | undefined {
  const origin = URL.canParse(uri) ? new URL(uri).origin : 'null'
  return origin === 'null' ? undefined : origin
}

/**
 * Adds parameters to a registered URI, whose own query stays as it is. A space is written %20, which every reader understands.
 * @see RFC 6749 §4.1.2
 */
export function appendParameters(
  uri: string,
  parameters: Readonly<Record<string, string>>,
  mode: 'query' | 'fragment' = 'query',
): string {
  const added = new URLSearchParams(parameters).toString().replaceAll('+', '%20')
  if (mode === 'fragment') return `${uri}#${added}`
  return `${uri}${uri.includes('?') ? '&' : '?'}${added}`
}
