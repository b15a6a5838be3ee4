import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { canonicalAddress } from '../../../lib/net/network.ts'

const HEADER = 'x-forwarded-for'

/**
 * Gives every address one spelling before anybody reads it: limits and logs count by what is written there.
 * That of a connection is kept as well: with the connection Node forgets it, and the logs ask later.
 */
export function rememberAddress(server: Server): void {
  server.on('connection', keepAddress)
  // Before the framework, which takes from the header what its trusted proxies vouch for, and believes every text there.
  server.prependListener('request', readForwardedFor)
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
  const entries = sent
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
  const read: string[] = []
  for (const entry of entries.length > 0 ? entries.reverse() : ['']) {
    const address = canonicalAddress(entry)
    read.unshift(address ?? read[0] ?? socket.remoteAddress ?? '')
    if (address === undefined) break
  }
  headers[HEADER] = read.join(', ')
}
