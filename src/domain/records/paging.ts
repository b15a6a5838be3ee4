/** Which part of a list is wanted; going on after a key keeps pages apart whatever is added meanwhile. */
export interface PageQuery {
  /** The key of the last item seen. */
  readonly after?: string | undefined
  readonly limit: number
  readonly isEnabled?: boolean | undefined
  /** A text that the key must hold, in any letter case. */
  readonly like?: string | undefined
}

/** A part of a list, and the key to go on after where there is more. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | undefined
}

/** Fetches one item more than wanted, to know whether there is a next page. */
export async function readPage<T>(
  query: PageQuery,
  fetch: (query: PageQuery) => Promise<T[]>,
  keyOf: (item: T) => string,
): Promise<Page<T>> {
  const found = await fetch({ ...query, limit: query.limit + 1 })
  const items = found.slice(0, query.limit)
  const last = items.at(-1)
  return { items, next: found.length > query.limit && last !== undefined ? keyOf(last) : undefined }
}
