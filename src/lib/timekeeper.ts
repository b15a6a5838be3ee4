import { type Clock, systemClock } from './clock.ts'

/** The time of a process, which never goes back behind what it has reached by itself. */
export interface Timekeeper {
  readonly now: Clock
  /** The time reached without believing any step forward; written down, so that a restart does not go back behind it. */
  readonly floor: Clock
  /** Milliseconds that the machine's clock is ahead of that time; negative when it is behind. */
  readonly lead: Clock
}

/** @param notBefore milliseconds since 1970 that were reached before this process started */
export type StartTime = (notBefore: number) => Timekeeper

interface Machine {
  /** What the machine takes for the time, milliseconds since 1970; may step either way. */
  readonly wall: Clock
  /** Milliseconds since some moment, at an even pace whatever happens to the clock. */
  readonly timer: Clock
}

// A clock that is off is followed at this part of the pace: a step is not believed, a drift is.
const FOLLOW = 0.1

/**
 * Keeps time on a machine whose clock may be set while it runs. A step forward is followed at once, and taken back at once when
 * it turns out wrong. A step back behind the time reached is not followed, so that nothing that has expired lives again; the two
 * come together again slowly.
 */
export function createTimekeeper({ wall, timer }: Machine, notBefore: number): Timekeeper {
  let reached = Math.max(wall(), notBefore)
  let read = timer()

  function floor(): number {
    const passed = Math.max(0, timer() - read)
    read += passed
    const apart = wall() - reached - passed
    reached += passed + Math.sign(apart) * Math.min(Math.abs(apart), FOLLOW * passed)
    return Math.floor(reached)
  }

  return {
    now: () => Math.max(wall(), floor()),
    floor,
    lead: () => wall() - floor(),
  }
}

/** The time of this machine. */
export const systemTime: StartTime = (notBefore) =>
  createTimekeeper({ wall: systemClock, timer: () => performance.now() }, notBefore)
