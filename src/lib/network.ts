import ipaddr from 'ipaddr.js'

/** What an address that cannot be read counts as: everybody who sends such a thing shares one limit. */
const UNREADABLE = 'unreadable'

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
