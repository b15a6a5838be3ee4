import { setImmediate as nextTurn } from 'node:timers/promises'

/** Rows of a list that are looked at before everybody else has a turn. */
export const SLICE = 1000

/** A list in an order that an index knows; a key stands for a place in it. */
interface Sliced<Row, Key> {
  /** The key of the last row of the next slice, or nothing where less than a slice is left. */
  readonly endOfSlice: (after: Key | undefined) => Promise<Key | undefined>
  /** The first rows that match, up to the end of the slice. */
  readonly match: (after: Key | undefined, upTo: Key | undefined, limit: number) => Promise<Row[]>
}

/** Finds the next rows that match what no index knows: slice by slice, so that a long list holds nobody up. */
export async function searchInSlices<Row, Key>(
  { endOfSlice, match }: Sliced<Row, Key>,
  from: Key | undefined,
  limit: number,
): Promise<Row[]> {
  const found: Row[] = []
  for (let after = from; ; await nextTurn()) {
    const upTo = await endOfSlice(after)
    found.push(...(await match(after, upTo, limit - found.length)))
    if (found.length >= limit || upTo === undefined) return found
    after = upTo
  }
}
