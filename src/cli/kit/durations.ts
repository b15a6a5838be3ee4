import { InvalidArgumentError } from 'commander'
import { DAY } from '../../lib/time/clock.ts'
import { readDuration } from '../../lib/time/duration.ts'
import { readTime } from '../../lib/time/read-time.ts'

const LONGEST = 365 * DAY

/** Reads the value of a flag that is a length of time. */
export function durationFlag(text: string): number {
  const duration = readDuration(text)
  if (duration === undefined || duration > LONGEST) {
    throw new InvalidArgumentError('Expected a length of time up to 365d, such as 0, 30m, 12h or 7d.')
  }
  return duration
}

/** Reads the value of a flag that is a point in time: ISO 8601, UTC unless it says otherwise, or how long ago. */
export function timeFlag(text: string): (now: number) => number {
  const ago = readDuration(text)
  if (ago !== undefined) return (now) => now - ago
  const at = readTime(text)
  if (at === undefined)
    throw new InvalidArgumentError('Expected a time such as 2026-01-31, 2026-01-31T08:00Z or 7d (seven days ago).')
  return () => at
}

/** Reads the value of a flag that says how many. */
export function countFlag(text: string): number {
  const count = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
  if (count === undefined) throw new InvalidArgumentError('Expected a whole number, 1 or more.')
  return count
}
