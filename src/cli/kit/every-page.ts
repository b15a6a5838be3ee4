import type { Page, PageQuery } from '../../domain/records/paging.ts'

// Items that are read at once; between two portions the server may write.
const PORTION = 500

/** The whole of a list, or its first items until there are enough, read page by page. */
export async function everyPage<T>(
  read: (query: PageQuery) => Promise<Page<T>>,
  enough = Number.POSITIVE_INFINITY,
): Promise<T[]> {
  const all: T[] = []
  let after: string | undefined
  do {
    const { items, next } = await read({ after, limit: PORTION })
    all.push(...items)
    after = next
  } while (after !== undefined && all.length < enough)
  return all
}
