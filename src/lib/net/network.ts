import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** What an address that cannot be read counts as: everybody who sends such a thing shares one limit. */
const UNREADABLE = 'unreadable'

const WITH_PORT = /^(?:\[([0-9a-f:.]+(?:%\w+)?)\]|([0-9.]+))(?::\d{1,5})?$/i

/**
 * The one spelling of an address: IPv4 as such, in small letters, without brackets, port and zone.
 * @returns `undefined` for what is no address
 */
export function canonicalAddress(text: string): string | undefined {
  const [, bracketed, dotted] = WITH_PORT.exec(text) ?? []
  const address = bracketed ?? dotted ?? text
  const family = isIP(address)
  if (family === 0 || (bracketed !== undefined && family === 4)) return undefined
  return ipaddr.process(address.replace(/%.*$/, '')).toString()
}

/** The network whose requests count together: an IPv4 address, or the /64 that one household or machine has of IPv6. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return UNREADABLE
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  const { parts } = parsed as ipaddr.IPv6
  return `${new ipaddr.IPv6([...parts.slice(0, 4), 0, 0, 0, 0]).toString()}/64`
}

export const isLoopback = (address: string): boolean =>
  ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
