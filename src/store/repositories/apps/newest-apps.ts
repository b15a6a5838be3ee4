import type { Kysely, Selectable } from 'kysely'
import type { PageQuery } from '../../../domain/records/paging.ts'
import type { TimeKey } from '../../../domain/records/time-key.ts'
import { holding, toFlag } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { SLICE, searchInSlices } from '../instance/slices.ts'

/** Which apps are wanted; `like` is a text that the ApplicationUri holds, in any letter case. */
export type NewestApps = Omit<PageQuery, 'after'> & { readonly after?: TimeKey | undefined }

// Asked for from the very beginning, too, so that it is the index in this order that is read.
const AFTER_ALL: TimeKey = { at: Number.MAX_SAFE_INTEGER, id: '~' }

/** The next apps, the newest first. */
export function newestApps(
  db: Kysely<Schema>,
  { after: from, limit, isEnabled, like }: NewestApps,
): Promise<Selectable<Schema['trusted_applications']>[]> {
  const inOrder = ({ at, id } = AFTER_ALL) =>
    db
      .selectFrom('trusted_applications')
      .where('removed_at', 'is', null)
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('created_at', 'application_uri'), '<', tuple(eb.val(at), eb.val(id))),
      )
      .orderBy('created_at', 'desc')
      .orderBy('application_uri', 'desc')
  const match = (after: TimeKey | undefined, upTo: TimeKey | undefined, most: number) =>
    inOrder(after)
      .selectAll()
      .$if(upTo !== undefined, (query) =>
        query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('created_at', 'application_uri'), '>=', tuple(eb.val(upTo?.at ?? 0), eb.val(upTo?.id ?? ''))),
        ),
      )
      .$if(isEnabled !== undefined, (query) => query.where('is_enabled', '=', toFlag(isEnabled === true)))
      .$if(like !== undefined, (query) => query.where(holding('application_uri', like ?? '')))
      .limit(most)
      .execute()
  const endOfSlice = async (after: TimeKey | undefined): Promise<TimeKey | undefined> => {
    const last = await inOrder(after)
      .select(['created_at', 'application_uri'])
      .offset(SLICE)
      .limit(1)
      .executeTakeFirst()
    return last && { at: last.created_at, id: last.application_uri }
  }
  const isAny = isEnabled === undefined && like === undefined
  return isAny ? match(from, undefined, limit) : searchInSlices({ endOfSlice, match }, from, limit)
}
