import type { ApiResource } from '../../domain/access/api-resource.ts'
import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import { readTimeKey, type TimeKey, timeKeyOf } from '../../domain/records/time-key.ts'
import type { Repositories } from '../../store/store.ts'

/** The next API resources, the newest first. @throws Refused `invalid_request` for what was no key of a page */
export async function readNewestResources(
  { resources }: Pick<Repositories, 'resources'>,
  query: PageQuery,
): Promise<Page<ApiResource>> {
  // Resources are few, as many as there are APIs, so the part of a page is cut out here.
  const all = await resources.newest()
  const fetch = async ({ after, limit }: PageQuery) => {
    const last = after === undefined ? undefined : readTimeKey(after)
    return all.filter((one) => last === undefined || isOlder(keyOf(one), last)).slice(0, limit)
  }
  const { items, next } = await readPage(query, fetch, (one) => timeKeyOf(keyOf(one)))
  return { items: items.map(({ resource }) => resource), next }
}

type Added = Awaited<ReturnType<Repositories['resources']['newest']>>[number]

const keyOf = ({ resource, createdAt }: Added): TimeKey => ({ at: createdAt, id: resource.identifier })

const isOlder = (one: TimeKey, other: TimeKey): boolean =>
  one.at < other.at || (one.at === other.at && one.id < other.id)
