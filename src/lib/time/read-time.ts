import { isoTime } from './clock.ts'

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)?)?$/

/**
 * Reads a time as ISO 8601 writes it, UTC unless it says otherwise.
 * @returns milliseconds since 1970; `undefined` for another text, and for a day that the calendar lacks
 */
export function readTime(text: string): number | undefined {
  const [, day = '', time = '00:00', zone = 'Z'] = TIME.exec(text) ?? []
  const midnight = Date.parse(`${day}T00:00Z`)
  // Date.parse takes 30 February for 2 March.
  if (Number.isNaN(midnight) || !isoTime(midnight).startsWith(day)) return undefined
  const at = Date.parse(`${day}T${time}${zone}`)
  return Number.isNaN(at) ? undefined : at
}
