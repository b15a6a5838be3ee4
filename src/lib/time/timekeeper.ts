import { type Clock, DAY, HOUR, MINUTE, SECOND, systemClock } from './clock.ts'

/** The time of a process, which never goes back behind what it has reached by itself. */
export interface Timekeeper {
  readonly now: Clock
  /** The time reached without believing any lead that is younger than an hour; a restart does not go back behind it. */
  readonly floor: Clock
  /** Milliseconds that the machine's clock is ahead of that time; negative when it is behind. */
  readonly lead: Clock
  /** Milliseconds by which the machine's clock was set since the start, forward or, negative, back. */
  readonly wasSetBy: Clock
  /** Whether the time reached may be written down. */
  isBelieved(): boolean
  /** Takes in what another node wrote down, milliseconds since 1970: a clock far beyond it has its hour to begin anew. */
  hear(record: number): void
  /** Goes on from this time, earlier or later: somebody who knows put the record right. */
  restart(record: number): void
}

/** @param record milliseconds since 1970 that were reached before this process started; 0 where nobody knows */
export type StartTime = (record: number) => Timekeeper

interface Machine {
  /** What the machine takes for the time, milliseconds since 1970; may step either way. */
  readonly wall: Clock
  /** Milliseconds since some moment, at an even pace whatever happens to the clock. */
  readonly timer: Clock
}

/** Milliseconds. Whoever was off over the holidays just starts; further ahead somebody has to say that the clock is right. */
export const LONGEST_LEAD = 30 * DAY
/** A clock that is disciplined moves by less. */
export const STEP = 2 * SECOND
// A clock that is off is followed at this part of the pace: a step is not believed, a drift is.
const FOLLOW = 0.1
// Beyond the record a restart explains so much, and so much ahead does little harm.
const EXPLAINED = 10 * MINUTE
// For so long a clock that is further ahead, or that nothing is known about, has to go on at an even pace.
const BELIEVED_AFTER = HOUR

/**
 * Keeps time on a machine whose clock may be set while it runs. A step forward is followed at once, and taken back at once when
 * it turns out wrong. A step back behind the time reached is not followed, so that nothing that has expired lives again; the two
 * come together again slowly. What is written down is less: a lead counts once the clock has kept it for an hour.
 */
export function createTimekeeper({ wall, timer }: Machine, record: number): Timekeeper {
  const startFrom = (known: number): number => (wall() - known > EXPLAINED ? known : Math.max(wall(), known))
  let isKnown = record > 0
  let reached = isKnown ? startFrom(record) : wall()
  let read = timer()
  // Where the clock stands to the timer; a drift is followed.
  let apartFromTimer = wall() - read
  const atStart = apartFromTimer
  let doubtedSince: number | undefined = !isKnown || wall() - reached > EXPLAINED ? read : undefined

  /** A clock that is set anew has its hour to begin anew. */
  function watchSteps(passed: number): void {
    const set = wall() - read - apartFromTimer
    const isStep = Math.abs(set) > STEP
    apartFromTimer += isStep ? set : Math.sign(set) * Math.min(Math.abs(set), FOLLOW * passed)
    if (isStep && doubtedSince !== undefined) doubtedSince = read
  }

  function floor(): number {
    const passed = Math.max(0, timer() - read)
    read += passed
    reached += passed
    watchSteps(passed)
    const apart = wall() - reached
    if (doubtedSince !== undefined && read - doubtedSince >= BELIEVED_AFTER && apart >= -EXPLAINED) {
      reached = Math.max(reached, wall())
      doubtedSince = undefined
      isKnown = true
    } else if (apart > EXPLAINED) {
      doubtedSince ??= read
    } else {
      reached += Math.sign(apart) * Math.min(Math.abs(apart), FOLLOW * passed)
      if (isKnown) doubtedSince = undefined
    }
    return Math.floor(reached)
  }

  return {
    now: () => Math.max(wall(), floor()),
    floor,
    lead: () => wall() - floor(),
    wasSetBy: () => wall() - timer() - atStart,
    isBelieved() {
      floor()
      return doubtedSince === undefined
    },
    hear(heard) {
      floor()
      // A record beyond this machine's clock is for its owner to explain.
      if (heard > wall()) return
      isKnown = true
      reached = Math.max(reached, heard)
      if (wall() - heard > EXPLAINED) doubtedSince = read
    },
    restart(set) {
      floor()
      isKnown = true
      reached = startFrom(set)
      doubtedSince = wall() - reached > EXPLAINED ? read : undefined
    },
  }
}

/** The time of this machine. */
export const systemTime: StartTime = (record) =>
  createTimekeeper({ wall: systemClock, timer: () => performance.now() }, record)
