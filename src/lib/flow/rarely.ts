import type { Clock } from '../time/clock.ts'

// Beyond so many the ones that were named longest ago are forgotten.
const MOST_NAMES = 10_000

/**
 * Says of each name whether it is time again, at most once in a while.
 * @param every milliseconds
 */
export function createRarely(clock: Clock, every: number): (name: string) => boolean {
  const last = new Map<string, number>()
  return (name) => {
    const now = clock()
    if (now - (last.get(name) ?? -Infinity) < every) return false
    last.delete(name)
    last.set(name, now)
    const [oldest] = last.keys()
    if (last.size > MOST_NAMES && oldest !== undefined) last.delete(oldest)
    return true
  }
}
