import type { Clock } from './clock.ts'

/**
 * Says of each name whether it is time again, at most once in a while.
 * @param every milliseconds
 */
export function createRarely(clock: Clock, every: number): (name: string) => boolean {
  const last = new Map<string, number>()
  return (name) => {
    const now = clock()
    if (now - (last.get(name) ?? -Infinity) < every) return false
    last.set(name, now)
    return true
  }
}
