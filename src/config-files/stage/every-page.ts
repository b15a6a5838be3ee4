import { type PageQuery, readPage } from '../../domain/records/paging.ts'

const AT_ONCE = 1000

/** Reads a whole list page by page, so that no statement takes long. */
export async function* everyPage<T>(
  fetch: (query: PageQuery) => Promise<T[]>,
  keyOf: (item: T) => string,
): AsyncGenerator<readonly T[]> {
  for (let after: string | undefined; ; ) {
    const page = await readPage({ after, limit: AT_ONCE }, fetch, keyOf)
    yield page.items
    if (page.next === undefined) return
    after = page.next
  }
}
