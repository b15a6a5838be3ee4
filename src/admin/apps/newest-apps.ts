import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import { readTimeKey, timeKeyOf } from '../../domain/records/time-key.ts'
import type { Repositories } from '../../store/store.ts'

/** The next apps, the newest first; `like` is a part of the ApplicationUri. @throws Refused `invalid_request` for what was no key of a page */
export function readNewestApps(
  { apps }: Pick<Repositories, 'apps'>,
  query: PageQuery,
): Promise<Page<TrustedApplication>> {
  const fetch = ({ after, ...wanted }: PageQuery) =>
    apps.newest({ ...wanted, after: after === undefined ? undefined : readTimeKey(after) })
  return readPage(query, fetch, ({ createdAt: at, applicationUri: id }) => timeKeyOf({ at, id }))
}
