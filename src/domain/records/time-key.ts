import { cursorMalformed } from '../refusals/cursor-malformed.ts'

/** A place in a list that is in the order of time. */
export interface TimeKey {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Tells apart what happened at once. */
  readonly id: string
}

export const timeKeyOf = ({ at, id }: TimeKey): string => `${at} ${id}`

/** @throws Refused `invalid_request` for what was no key of a page */
export function readTimeKey(key: string): TimeKey {
  const [, at, id] = /^(\d{1,16}) ([^\0]+)$/.exec(key) ?? []
  if (at === undefined || id === undefined) throw cursorMalformed()
  return { at: Number(at), id }
}
