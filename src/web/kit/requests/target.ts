import type { IncomingMessage } from 'node:http'

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/is

/**
 * The path and query that a request is for. Where its target names a host as well, that counts in place of what the Host header
 * says, and is held against the names of this server like any other.
 * @see RFC 9112 §3.2.2
 */
export function readTarget({ url = '/', headers }: Pick<IncomingMessage, 'url' | 'headers'>): string {
  const [, authority, rest = ''] = ABSOLUTE.exec(url) ?? []
  if (authority === undefined) return url
  headers.host = authority
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** Whether a target is written in one of the two forms that name something here. */
export const isServable = (target: string): boolean => target.startsWith('/') || ABSOLUTE.test(target)

/** A host in the one spelling that is compared: the usual port goes without saying. @see RFC 3986 §6.2.3 */
export const canonicalHost = (host: string, usualPorts: readonly string[]): string => {
  const [, name = '', port = ''] = /^(.*?)(?::(\d{0,5}))?$/s.exec(host.toLowerCase()) ?? []
  return port === '' || usualPorts.includes(port) ? name : `${name}:${port}`
}
