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

/** How the addresses of the network of an address begin, each in its one spelling; others may begin so, too. */
export function startOfNetwork(address: string): string {
  if (!ipaddr.isValid(address)) return ''
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  const groups = (parsed as ipaddr.IPv6).parts.slice(0, 4)
  // From the first zero on they may be shortened.
  const zero = groups.indexOf(0)
  return groups
    .slice(0, zero < 0 ? groups.length : zero)
    .map((group) => `${group.toString(16)}:`)
    .join('')
}

export const isLoopback = (address: string): boolean =>
  ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'

/** Does an address belong to a private network, or to the link a machine is on? One wrapped in another does not count. @see RFC 1918, RFC 4193 */
export const isPrivateAddress = (address: string): boolean =>
  ipaddr.isValid(address) && ['private', 'uniqueLocal', 'linkLocal'].includes(ipaddr.parse(address).range())

/** @param networks addresses and CIDRs */
export function isWithin(address: string, networks: readonly string[]): boolean {
  const parsed = ipaddr.process(address)
  return networks.some((network) => {
    if (!network.includes('/')) return ipaddr.process(network).toString() === parsed.toString()
    const [range, bits] = ipaddr.parseCIDR(network)
    return range.kind() === parsed.kind() && (parsed as ipaddr.IPv6).match(range as ipaddr.IPv6, bits)
  })
}

/** Public by their number, but of the cloud around a machine: what Azure tells it is at this one. */
const CLOUD_ADDRESSES = ['168.63.129.16']

/** All of IPv6 that is given to networks; the rest wraps IPv4 addresses, is of the machine or its site, or is nobody's. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Does an address lead to the public internet? Not one of a special purpose, also where it is wrapped in IPv6, nor one of the cloud
 * around the machine.
 * @see RFC 6890, the IANA registries of special-purpose addresses
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast') return false
  return parsed instanceof ipaddr.IPv6 ? parsed.match(GLOBAL_UNICAST) : !CLOUD_ADDRESSES.includes(parsed.toString())
}
