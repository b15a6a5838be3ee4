import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { Refused } from '../../../domain/refusals/errors.ts'
import { networkToLimit } from '../requests/network.ts'
import type { Places, Room } from './places.ts'

/** Monitoring must see an overload, not share it. */
const EXEMPT = ['/health/live', '/health/ready', '/metrics']

/** Turns away at once what could only wait: a client that is told so tries again, one that waits gives up and asks twice. */
export function registerOverload(
  server: FastifyInstance,
  places: Pick<Places, 'enter' | 'run' | 'leave'>,
  room: Pick<Room, 'places' | 'placesOfNetwork'>,
): void {
  const onceClosed = createOnceClosed()

  // Whoever sends slowly is not being worked for, so counting begins when the whole request is there.
  server.addHook('preHandler', (request, reply, done) => {
    if (EXEMPT.includes(request.routeOptions.url ?? '')) return done()
    const { socket } = request.raw
    const place = places.enter(networkToLimit(request), reply.raw.closed || socket.destroyed)
    if (place === 'network') return done(networkBusy(room.placesOfNetwork))
    if (place === 'places') return done(serverBusy(room.places))
    const leave = (): void => {
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
