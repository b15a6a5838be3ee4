import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { canonicalAddress } from '../../../lib/net/network.ts'

const HEADER = 'x-forwarded-for'
/** Far more than proxies stand in a row; whoever sends more has all that is beyond unread. */
const MOST_ENTRIES = 32

/**
 * Gives every address one spelling before anybody reads it: limits and logs count by what is written there.
 * That of a connection is kept as well: with the connection Node forgets it, and the logs ask later.
 * @param trustsProxies whether anybody reads what proxies say; what nobody reads costs nothing
 */
export function rememberAddress(server: Server, trustsProxies: boolean): void {
  server.on('connection', keepAddress)
  // Before the framework, which takes from the header what its trusted proxies vouch for, and believes every text there.
  if (trustsProxies) server.prependListener('request', readForwardedFor)
}

function keepAddress(socket: Socket): void {
  const { remoteAddress: value } = socket
  if (value === undefined) return
  Object.defineProperty(socket, 'remoteAddress', { value: canonicalAddress(value) ?? value, configurable: true })
}

/**
 * Each proxy adds whom it heard from at the end. Where that is no address, nothing before it is proved either, and the one that
 * wrote it stands for whoever it was.
 */
function readForwardedFor({ headers, socket }: IncomingMessage): void {
  const sent = headers[HEADER]
  if (typeof sent !== 'string') return
  const read: string[] = []
  for (const entry of lastEntries(sent)) {
    const address = canonicalAddress(entry)
    read.push(address ?? read.at(-1) ?? socket.remoteAddress ?? '')
    if (address === undefined) break
  }
  headers[HEADER] = read.reverse().join(', ')
}

/** From the right, without empty ones; what is beyond the last that is read ends the list as something that is no address. */
function* lastEntries(list: string): Generator<string> {
  let end = list.length
  let isEmpty = true
  for (let count = 0; end >= 0; count++) {
    if (count === MOST_ENTRIES) return yield ''
    const comma = end === 0 ? -1 : list.lastIndexOf(',', end - 1)
    const entry = list.slice(comma + 1, end).trim()
    if (entry !== '') yield entry
    isEmpty &&= entry === ''
    end = comma
  }
  if (isEmpty) yield ''
}
