import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { LRUCache } from 'lru-cache'
import { Refused } from '../../../domain/refusals/errors.ts'
import { claimedClientId } from '../answers/refusals.ts'
import type { Networks } from '../requests/network.ts'
import type { Places } from './places.ts'

/** Monitoring must see an overload, not share it. */
const EXEMPT = ['/health/live', '/health/ready', '/metrics']

// Of apps in their networks that proved themselves; whoever has not come for longest is forgotten first.
const MOST_CALLERS = 1000

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Servers of APIs ask here, for everybody who calls them; what is answered with 200 is for an app that has proved itself. */
    serversOfApis?: true
  }
}

/** Turns away at once what could only wait: a client that is told so tries again, one that waits gives up and asks twice. */
export function registerOverload(
  server: FastifyInstance,
  places: Pick<Places, 'enter' | 'run' | 'leave'>,
  { networkToLimit }: Pick<Networks, 'networkToLimit'>,
): void {
  const onceClosed = createOnceClosed()
  const callers = new LRUCache<string, true>({ max: MOST_CALLERS })

  // Whoever sends slowly is not being worked for, so counting begins when the whole request is there.
  server.addHook('preHandler', (request, reply, done) => {
    const { url = '', config } = request.routeOptions
    if (EXEMPT.includes(url)) return done()
    const { socket } = request.raw
    const network = networkToLimit(request)
    const claimed = config.serversOfApis && network !== undefined ? claimedClientId(request) : undefined
    const key = `${network} ${claimed}`
    const place = places.enter({
      network,
      caller: claimed !== undefined && callers.get(key) ? claimed : undefined,
      isPublished: config.public === true,
      gone: reply.raw.closed || socket.destroyed,
    })
    if ('full' in place) return done(place.full === 'network' ? networkBusy(place.most) : serverBusy(place.most))
    const leave = (): void => {
      if (claimed !== undefined && reply.raw.headersSent && reply.raw.statusCode === 200) callers.set(key, true)
      places.leave(place)
      forget()
    }
    // Of requests that were sent before the first of them was answered, only that one's answer hears of the end.
    const forget = onceClosed(socket, leave)
    reply.raw.once('close', leave)
    places.run(place, done)
  })
}

/** Tells of the end of a connection, with one listener for however many requests are on it. */
function createOnceClosed() {
  const onSockets = new WeakMap<Socket, Set<() => void>>()

  return (socket: Socket, work: () => void): (() => void) => {
    const known = onSockets.get(socket)
    const mine = known ?? new Set()
    if (!known) {
      onSockets.set(socket, mine)
      socket.once('close', () => {
        for (const one of [...mine]) one()
      })
    }
    mine.add(work)
    return () => void mine.delete(work)
  }
}

const serverBusy = (most: number): Refused =>
  new Refused('temporarily_unavailable', 'the server is overloaded right now; try again shortly', {
    rule: 'server-busy',
    cause: `${most} requests are in progress`,
  })

const networkBusy = (most: number): Refused =>
  new Refused(
    'temporarily_unavailable',
    'too many requests from your network are in progress; try again shortly',
    { rule: 'network-busy', cause: `${most} requests from this network are in progress` },
    { status: 429, retryAfter: 1 },
  )
