import { DAY, HOUR, MINUTE, SECOND } from './clock.ts'

const UNITS: Readonly<Record<string, number>> = { s: SECOND, m: MINUTE, h: HOUR, d: DAY }

/**
 * Reads a length of time as people write it: `30s`, `15m`, `8h`, `7d`, or `0`.
 * @returns milliseconds, or `undefined` when it cannot be read
 */
export function readDuration(text: string): number | undefined {
  if (text === '0') return 0
  const [, amount, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const factor = UNITS[unit]
  return factor === undefined ? undefined : Number(amount) * factor
}

/** The same the other way round, in the largest unit that leaves nothing over: `365d`, `90m`, `0`. */
export function showDuration(milliseconds: number): string {
  const [unit, factor] = Object.entries(UNITS).findLast(([, length]) => milliseconds % length === 0) ?? ['s', SECOND]
  return milliseconds === 0 ? '0' : `${milliseconds / factor}${unit}`
}
