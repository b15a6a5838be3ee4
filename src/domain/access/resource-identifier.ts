const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443' }
const URI = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(.*)$/
const UNRESERVED = /^[A-Za-z0-9._~-]$/

/**
 * The form in which identifiers of APIs are compared: two that mean the same are one, but no path is taken for another.
 * What is no URI stays as it is.
 * @see RFC 3986 §6.2.2, §6.2.3
 */
export function comparableIdentifier(identifier: string): string {
  const [, scheme, authority, path = '', rest = ''] = URI.exec(normalEncoding(identifier)) ?? []
  if (scheme === undefined) return identifier
  const name = scheme.toLowerCase()
  if (authority === undefined) return `${name}:${path}${rest}`
  return `${name}://${comparableAuthority(authority, DEFAULT_PORTS[name])}${path || '/'}${rest}`
}

/** Whether two identifiers are of the same API. */
export const isSameIdentifier = (one: string, other: string): boolean =>
  one === other || comparableIdentifier(one) === comparableIdentifier(other)

/** As it is registered, where one of these identifiers is meant: a spelling that is registered itself before any other. */
export const registeredIdentifier = (sent: string, registered: readonly string[]): string | undefined =>
  registered.includes(sent) ? sent : registered.find((identifier) => isSameIdentifier(identifier, sent))

/** A host is one in any case of its letters, and the port of the scheme need not be named. */
function comparableAuthority(authority: string, defaultPort: string | undefined): string {
  const at = authority.lastIndexOf('@') + 1
  const [, host = '', port = ''] = /^(.*?)(?::(\d*))?$/.exec(authority.slice(at)) ?? []
  const isUsual = port === '' || port === defaultPort
  return `${authority.slice(0, at)}${normalEncoding(host.toLowerCase())}${isUsual ? '' : `:${port}`}`
}

/** What need not be percent-encoded is not, and the rest is in capital letters. */
const normalEncoding = (text: string): string =>
  text.replace(/%[0-9A-Fa-f]{2}/g, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    return UNRESERVED.test(character) ? character : encoded.toUpperCase()
  })
