import { isLoopback, isPrivateAddress } from '../../lib/net/network.ts'
import { isLoopbackHost, whyMiswritten } from './redirect-uri.ts'
import { whyNotInList } from './uri-list.ts'

/** What the addresses of an app may be beside https and plain http at loopback. */
export interface UriLeave {
  /** Private-use schemes: none, those that begin with a domain name, or all that belong to nobody else. @see RFC 8252 §7.1 */
  readonly schemes: 'none' | 'of a domain' | 'any'
  /** Plain http elsewhere: never, where the record says so, or at private addresses. */
  readonly plainHttp: 'never' | 'off' | 'private'
}

/** Browsers run or show what is in these, or keep them for themselves. */
const OF_BROWSERS =
  'about blob brave cid chrome chrome-extension data edge ext filesystem jar javascript livescript mhtml mid mk mocha moz-extension opera res resource safari-extension vbscript view-source wyciwyg'
/** These belong to protocols, or to programs that come with the system. */
const OF_OTHERS =
  'afp android-app app-settings apt bitcoin callto cifs dav davs dict dns facetime facetime-audio feed file ftp ftps geo git gopher hcp help imap intent irc ircs itms itms-apps itms-services ldap ldaps magnet mailto maps market mms mmsto ms-access ms-appinstaller ms-cxh ms-excel ms-infopath ms-its ms-msdt ms-officecmd ms-powerpoint ms-project ms-publisher ms-screenclip ms-search ms-settings ms-visio ms-word news nfs nntp pop prefs rdp rsync rtmp rtsp search search-ms sftp shell shortcuts sip sips sms smsto smb snews ssh steam svn tag tel telnet urn vnc webcal webcals ws wss xmpp'
const TAKEN = new Set(`${OF_BROWSERS} ${OF_OTHERS}`.split(' '))
/** Such as `httpx:` and `https+unix:`, which pass for the web, and those that any website may claim. */
const PASSES_FOR_ANOTHER = /^(?:http|web\+|ext\+)/
// A single letter is a drive of Windows.
const SHORTEST_SCHEME = 3

const USE_HTTPS = 'must use https'

/**
 * Says why a URI cannot be registered as a redirect or post-logout URI.
 * @param uri exactly as it will be compared
 * @returns the reason, or `undefined` when the URI can work
 * @see RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1
 */
export function whyUnregistrable(uri: string, leave: UriLeave): string | undefined {
  if (/[*\\"<>^`{|}]/.test(uri)) return 'must not contain wildcards, backslashes or other characters that URIs exclude'
  const miswritten = whyMiswritten(uri) ?? whyNotInList(uri)
  if (miswritten !== undefined) return miswritten
  if (uri.includes('#')) return 'must not have a fragment'
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(uri)?.[1]
  if (scheme === undefined) return 'must be absolute, with a scheme such as https:'
  if (TAKEN.has(scheme.toLowerCase())) return `must not use the scheme ${scheme}:`
  if (!URL.canParse(uri)) return 'is not a valid URL'
  if (scheme === 'https' || scheme === 'http') return whyUnregistrableWebUri(uri, scheme, leave)
  return whyNotPrivateUse(scheme, leave)
}

/** @see RFC 8252 §7.1, §8.4 */
function whyNotPrivateUse(scheme: string, { schemes }: UriLeave): string | undefined {
  const small = scheme.toLowerCase()
  if (small === 'https' || small === 'http') return 'must write its scheme in lower case'
  if (PASSES_FOR_ANOTHER.test(small)) return `must not use the scheme ${scheme}:`
  if (schemes === 'none') return `${USE_HTTPS} (a private-use scheme is for Public apps)`
  if (scheme.includes('.')) return undefined
  if (schemes === 'of a domain')
    return 'must use a private-use scheme in reverse domain order, such as com.example.app:'
  return scheme !== small || scheme.length < SHORTEST_SCHEME
    ? `must write its private-use scheme in lower case, with at least ${SHORTEST_SCHEME} characters`
    : undefined
}

function whyUnregistrableWebUri(uri: string, scheme: string, { plainHttp }: UriLeave): string | undefined {
  const { username, password, hostname } = new URL(uri)
  if (!uri.startsWith(`${scheme}://`)) return `must start with ${scheme}://`
  if (username !== '' || password !== '') return 'must not contain a user name or password'
  if (scheme === 'https' || isLoopbackHost(hostname)) return undefined
  if (plainHttp === 'never' || !staysNear(hostname)) return `${USE_HTTPS} (plain http is for loopback only)`
  if (plainHttp === 'off')
    return `${USE_HTTPS}; plain http at ${hostname}, a private address, needs InsecureRedirectsAllowed true`
  const written = /^http:\/\/(\[[^\]]*\]|[^:/?]*)/.exec(uri)?.[1]
  return written === hostname ? undefined : `must write its host as ${hostname}`
}

/**
 * Does plain http to this host stay on the machine or in the network around it? Only an address and the names of localhost say so by
 * themselves: where any other name leads, even one that ends in .local or has no dot, is up to the network a person happens to be in.
 * @see RFC 6761 §6.3, RFC 1918, RFC 4193, RFC 3927
 */
function staysNear(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  return hostname.endsWith('.localhost') || isLoopback(address) || isPrivateAddress(address)
}

/** What is possible and unwise about an address that can be registered; completes "URI ...". */
export function whyUnwise(uri: string): string | undefined {
  const { protocol, hostname } = new URL(uri)
  if (protocol === 'https:') return undefined
  if (protocol !== 'http:')
    return protocol.includes('.')
      ? undefined
      : `uses a scheme without a domain name, which another program on the device may claim as well: prefer one such as com.example.app: (RFC 8252 §8.4)`
  return isLoopbackHost(hostname)
    ? undefined
    : 'is plain http: whoever is in that network can read and change what is sent there, the code of a sign-in included'
}
