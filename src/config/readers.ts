import { isIP } from 'node:net'
import { isLoopbackHost } from '../domain/protocol/redirect-uri.ts'
import { ADMINISTRATION_SCOPE, isProtocolScope, isScopeToken } from '../domain/protocol/scope.ts'
import { DatabaseUrlFault, parseDatabaseUrl } from '../lib/net/database-url.ts'
import { DAY, MINUTE } from '../lib/time/clock.ts'
import { readDuration, showDuration } from '../lib/time/duration.ts'

const LONGEST = 365 * DAY

/** A value that cannot be used; the message completes the sentence "NAME ...". */
export class SettingFault extends Error {}

/** @see OIDC Discovery §3, RFC 8414 §2 */
export function readIssuer(text: string): string {
  // A password that strayed in here is not repeated in a message.
  if (/[?#]|\/\/[^/]*@/.test(text)) throw new SettingFault('must not have a query, a fragment or a user name')
  if (!URL.canParse(text)) throw new SettingFault(`is not a URL: ${text}`)
  const url = new URL(text)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(url.hostname))) {
    throw new SettingFault(`must be https (plain http is for loopback only): ${text}`)
  }
  const normal = url.pathname === '/' ? url.origin : url.href
  if (text !== normal || text.endsWith('/'))
    throw new SettingFault(`must be in normal form, without a trailing slash: ${normal.replace(/(?<!\/)\/+$/, '')}`)
  return text
}

/** Address and port; an IPv6 address stands in brackets. */
export function readListen(text: string): { host: string; port: number } {
  const [, host = '', port] =
    /^(?:\[([0-9a-f:.]+)\]|([^:\s[\]]+)):(\d{1,5})$/i.exec(text)?.filter((part) => part !== undefined) ?? []
  const sound = !text.startsWith('[') || isIP(host) === 6
  if (port === undefined || Number(port) > 65_535 || !sound)
    throw new SettingFault(`is not an address and port, such as 127.0.0.1:5080 or [::1]:5080: ${text}`)
  return { host, port: Number(port) }
}

/** A `file:` or `postgres:` URL, or nothing for the default. */
export function readDatabaseUrl(text: string): string {
  try {
    if (text !== '') parseDatabaseUrl(text)
    return text
  } catch (error) {
    throw error instanceof DatabaseUrlFault ? new SettingFault(error.message) : error
  }
}

/** A whole number from `least` to `most`. */
export function readCount(least: number, most: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,9}$/.test(text) || Number(text) < least || Number(text) > most)
      throw new SettingFault(`must be a whole number from ${least} to ${most}: ${text}`)
    return Number(text)
  }
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** A comma-separated list of host names and addresses, each with a port or without. */
export function readHosts(text: string): { host: string; port: string | undefined }[] {
  return listOf(text.toLowerCase()).map((entry) => {
    const [, bracketed, named, port] =
      /^(?:\[([0-9a-f:.]+)\]|([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?))(?::([1-9]\d{0,4}))?$/.exec(entry) ?? []
    const host = isIP(entry) === 0 ? (bracketed ?? named) : entry
    const sound = bracketed === undefined || isIP(bracketed) === 6
    if (host === undefined || !sound || Number(port ?? 1) > 65_535)
      throw new SettingFault(`holds something that is not a host, such as api.internal:8443: ${entry}`)
    // As URLs spell it.
    return { host: isIP(host) === 6 ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host, port }
  })
}

/** A comma-separated list of hosts as a Host header names them. */
export function readHostsAndPorts(text: string): string[] {
  const hosts = listOf(text.toLowerCase())
  for (const host of hosts)
    if (!/^(\[[0-9a-f:.]+\]|[a-z0-9][a-z0-9._-]*)(:\d{1,5})?$/.test(host))
      throw new SettingFault(`holds something that is not a host, such as tessera.internal:5080: ${host}`)
  return hosts
}

/** A comma-separated list of addresses and CIDRs; a hop count would believe anybody. */
export function readNetworks(text: string): string[] {
  const networks = listOf(text)
  for (const network of networks) {
    const [address = '', bits, ...rest] = network.split('/')
    const family = isIP(address)
    const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
    if (family === 0 || !fits || rest.length > 0)
      throw new SettingFault(`holds something that is not an address or CIDR: ${network}`)
  }
  return networks
}

/** @param least milliseconds */
export function readPositiveDuration(least: number): (text: string) => number {
  return (text) => {
    const duration = readDuration(text)
    if (duration === undefined) throw new SettingFault(`is not a length of time, such as 30m, 8h or 14d: ${text}`)
    if (duration < least || duration > LONGEST)
      throw new SettingFault(`must be from ${showDuration(least)} to ${showDuration(LONGEST)}: ${text}`)
    return duration
  }
}

/** The same, or nothing. @param least milliseconds */
export const readOptionalDuration =
  (least: number) =>
  (text: string): number | undefined =>
    text === '' ? undefined : readPositiveDuration(least)(text)

/** A comma-separated list of API scopes; that of the administration API is never given away. */
export function readScopes(text: string): string[] {
  const scopes = listOf(text)
  for (const scope of scopes)
    if (!isScopeToken(scope) || isProtocolScope(scope) || scope === ADMINISTRATION_SCOPE)
      throw new SettingFault(`holds something that is not an API scope that apps may be given: ${scope}`)
  return scopes
}

/** Up to a minute; `0s` is none. */
export function readShortDuration(text: string): number {
  const duration = readDuration(text)
  if (duration === undefined || duration > MINUTE)
    throw new SettingFault(`is not a length of time up to one minute, such as 2s: ${text}`)
  return duration
}

/** Exactly one of the words. */
export function readOneOf<T extends string>(values: readonly T[]): (text: string) => T {
  return (text) => {
    const value = values.find((known) => known === text)
    if (value === undefined) throw new SettingFault(`must be one of ${values.join(', ')}: ${text}`)
    return value
  }
}

/** `true` or `false`, nothing else. */
export function readBoolean(text: string): boolean {
  return readOneOf(['true', 'false'])(text) === 'true'
}

/** A short text for people or tokens. */
export function readText(text: string): string {
  if (/\p{Cc}/u.test(text) || text.length > 500)
    throw new SettingFault('must be at most 500 characters without control characters')
  return text
}

/** A secret that can be sent as a Bearer token; nothing counts as not given. @see RFC 6750 §2.1 */
export function readToken(text: string): string | undefined {
  if (text !== '' && !/^[A-Za-z0-9._~+/-]{16,}=*$/.test(text))
    throw new SettingFault('must be at least 16 characters of A-Z a-z 0-9 . _ ~ + / -')
  return readOptional(text)
}

/** Nothing counts as not given. */
export function readOptional(text: string): string | undefined {
  return text === '' ? undefined : text
}
