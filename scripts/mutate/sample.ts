/** A generator of numbers from 0 to 1 that a seed repeats: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** @returns as many as asked for, drawn by chance, in their order */
export function sample<T>(all: readonly T[], size: number, random: () => number): T[] {
  const drawn = all.map((one, index) => ({ one, index, chance: random() })).sort((a, b) => a.chance - b.chance)
  return drawn
    .slice(0, size)
    .sort((a, b) => a.index - b.index)
    .map(({ one }) => one)
}
