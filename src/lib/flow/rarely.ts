import { LRUCache } from 'lru-cache'
import type { Clock } from '../time/clock.ts'

// Beyond so many the ones that were named longest ago are forgotten.
const MOST_NAMES = 10_000

/**
 * Says of each name whether it is time again, at most once in a while.
 * @param every milliseconds
 */
export function createRarely(clock: Clock, every: number): (name: string) => boolean {
  const last = new LRUCache<string, number>({ max: MOST_NAMES })
  return (name) => {
    const now = clock()
    if (now - (last.peek(name) ?? -Infinity) < every) return false
    last.set(name, now)
    return true
  }
}
