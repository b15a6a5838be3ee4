import { AsyncLocalStorage } from 'node:async_hooks'
import { TooManyWaiting, type WhileOutside } from '../../../lib/flow/outside.ts'

/** How many requests there may be at once. */
export const ROOM = {
  /** That are worked for; at a thousand answers a second the last of them is answered within half a second. */
  places: 500,
  /** Of these, of one network. */
  placesOfNetwork: 50,
  /** The same of an app in it that proved itself before: the server of an API asks about the tokens of everybody. */
  placesOfCaller: 200,
  /** For what this server publishes, beside the others: whoever verifies tokens goes on while everybody else waits. */
  published: 100,
  /** That wait for somebody else's server. */
  waits: 200,
  /** Of these, for one address, or in one queue. */
  waitsForSource: 50,
  /** Of these, of one network. */
  waitsOfNetwork: 20,
}
export type Room = typeof ROOM

/** Who comes in, and what for. */
export interface Entrant {
  /** Which it counts under; none for this machine itself. */
  readonly network: string | undefined
  /** The app in that network that proved itself before, which counts by itself. */
  readonly caller?: string | undefined
  /** Whether it asks for what anybody may have, and costs next to nothing. */
  readonly isPublished?: boolean
  /** Whether whoever sent it has hung up already. */
  readonly gone: boolean
}

/** What one request takes up. */
interface Place {
  readonly network: string | undefined
  /** Where it is counted. */
  readonly held: Count
  /** What it is counted as there. */
  readonly name: string | undefined
  /** How often it waits outside at the moment; meanwhile it holds no place. */
  outside: number
  /** Whether it was answered, or given up by whoever sent it. */
  left: boolean
}

/** Why a request is turned away. */
export type NoRoom = 'places' | 'network' | 'waits'

/** How many there may be, by what was full. */
export interface TurnedAway {
  readonly full: Exclude<NoRoom, 'waits'>
  readonly most: number
}

export type Places = ReturnType<typeof createPlaces>

/** Counts the requests that are worked for, and those that only wait for somebody else's server. */
export function createPlaces(room: Room = ROOM) {
  // Who calls `whileOutside` knows of no request; everything that is done for one finds its place here.
  const current = new AsyncLocalStorage<Place>()
  const [worked, published] = [createCount(), createCount()]
  const waiting = createCount()
  const waitingFor = createCount()
  const turnedAway: Record<NoRoom, number> = { places: 0, network: 0, waits: 0 }

  function requireRoomToWait(source: string, network: string | undefined): void {
    const full = isFull(waitingFor, source, room.waitsForSource)
      ? `${room.waitsForSource} requests are already waiting for ${source}`
      : isFull(waiting, network, room.waitsOfNetwork)
        ? `${room.waitsOfNetwork} requests from this network are already waiting for other servers`
        : waiting.all() >= room.waits
          ? `${room.waits} requests are already waiting for other servers`
          : undefined
    if (full === undefined) return
    turnedAway.waits += 1
    throw new TooManyWaiting(full)
  }

  /** A place is held unless its request has left or is outside. */
  function change(place: Place, changes: Partial<Pick<Place, 'left' | 'outside'>>): void {
    const before = holds(place)
    Object.assign(place, changes)
    if (before !== holds(place)) place.held.change(place.name, before ? -1 : 1)
  }

  const whileOutside: WhileOutside = async (source, work) => {
    const place = current.getStore()
    // What is done for no request keeps nobody waiting.
    if (place === undefined) return work()
    const { network } = place
    const sources = [source].flat()
    for (const one of sources) requireRoomToWait(one, network)
    waiting.change(network, 1)
    for (const one of sources) waitingFor.change(one, 1)
    change(place, { outside: place.outside + 1 })
    try {
      return await work()
    } finally {
      // Whoever comes back is let in, also beyond the limit: what is left to do for it is little.
      change(place, { outside: place.outside - 1 })
      for (const one of sources) waitingFor.change(one, -1)
      waiting.change(network, -1)
    }
  }

  return {
    /** Lets a request in, or says what is full. */
    enter({ network, caller, isPublished = false, gone }: Entrant): Place | TurnedAway {
      const [held, most] = isPublished ? [published, room.published] : [worked, room.places]
      const [name, share] =
        caller === undefined ? [network, room.placesOfNetwork] : [`${network} ${caller}`, room.placesOfCaller]
      const reason: TurnedAway | undefined = isFull(held, name, share)
        ? { full: 'network', most: share }
        : held.all() >= most
          ? { full: 'places', most }
          : undefined
      if (reason !== undefined) {
        turnedAway[reason.full] += 1
        return reason
      }
      const place = { network, held, name, outside: 0, left: gone }
      if (!gone) held.change(name, 1)
      return place
    },

    /** Does what is done for a request, so that it may go outside. */
    run: (place: Place, work: () => void): void => current.run(place, work),

    /** May be said more than once. */
    leave: (place: Place): void => change(place, { left: true }),

    whileOutside,

    figures: () => ({
      inProgress: worked.all() + published.all(),
      waitingOutside: waiting.all(),
      turnedAway: { ...turnedAway },
    }),
  }
}

const holds = ({ left, outside }: Place): boolean => !left && outside === 0

type Count = ReturnType<typeof createCount>

/** What has no name counts under none. */
const isFull = (count: Count, name: string | undefined, most: number): boolean =>
  name !== undefined && count.of(name) >= most

/** Counts in all and by name; what nothing is left of is forgotten. */
function createCount() {
  const byName = new Map<string, number>()
  let all = 0
  return {
    all: () => all,
    of: (name: string): number => byName.get(name) ?? 0,
    change(name: string | undefined, by: 1 | -1): void {
      all += by
      if (name === undefined) return
      const now = (byName.get(name) ?? 0) + by
      if (now === 0) byName.delete(name)
      else byName.set(name, now)
    },
  }
}
