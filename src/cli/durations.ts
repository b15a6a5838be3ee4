import { InvalidArgumentError } from 'commander'
import { DAY } from '../lib/clock.ts'
import { readDuration } from '../lib/duration.ts'

const LONGEST = 365 * DAY

/** Reads the value of a flag that is a length of time. */
export function durationFlag(text: string): number {
  const duration = readDuration(text)
  if (duration === undefined || duration > LONGEST) {
    throw new InvalidArgumentError('Expected a length of time of at most 365d, such as 0, 30m, 12h or 7d.')
  }
  return duration
}
