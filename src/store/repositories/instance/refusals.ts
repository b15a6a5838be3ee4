import { type Kysely, type Selectable, sql } from 'kysely'
import type { ErrorCode } from '../../../domain/refusals/errors.ts'
import type { Refusal } from '../../../domain/refusals/refusal.ts'
import { keepable } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { SLICE, searchInSlices } from './slices.ts'

const toRefusal = (row: Selectable<Schema['refusals']>): Refusal => ({
  id: row.id,
  at: row.refused_at,
  endpoint: row.endpoint,
  method: row.method,
  status: row.status,
  error: row.error as ErrorCode,
  description: row.description,
  parameters: JSON.parse(row.parameters) as Refusal['parameters'],
  detail: JSON.parse(row.detail) as Refusal['detail'],
  app: row.application_uri ?? undefined,
  address: row.address,
})

const toRow = (refusal: Refusal): Selectable<Schema['refusals']> => ({
  id: refusal.id,
  refused_at: refusal.at,
  endpoint: refusal.endpoint,
  method: refusal.method,
  status: refusal.status,
  error: refusal.error,
  description: keepable(refusal.description),
  parameters: JSON.stringify(refusal.parameters),
  detail: JSON.stringify(refusal.detail),
  application_uri: refusal.app === undefined ? null : keepable(refusal.app),
  address: refusal.address,
})

export type Refusals = ReturnType<typeof refusalsOn>

/** Which refusals to read. */
export interface RefusalFilter {
  /** The `client_id` that was sent. */
  readonly app?: string | undefined
  readonly error?: string | undefined
  readonly status?: number | undefined
  /** The route, or how it ends. */
  readonly endpoint?: string | undefined
  /** Milliseconds since 1970. */
  readonly since?: number | undefined
}

/** Where to go on reading: the last refusal read. */
export type RefusalCursor = Pick<Refusal, 'at' | 'id'>

/** What was turned down lately; bounded in number and age. */
export function refusalsOn(db: Kysely<Schema>) {
  const matching = ({ app, error, status, endpoint, since }: RefusalFilter) =>
    db
      .selectFrom('refusals')
      .selectAll()
      .$if(app !== undefined, (query) => query.where('application_uri', '=', app ?? ''))
      .$if(error !== undefined, (query) => query.where('error', '=', error ?? ''))
      .$if(status !== undefined, (query) => query.where('status', '=', status ?? 0))
      .$if(since !== undefined, (query) => query.where('refused_at', '>=', since ?? 0))
      .$if(endpoint !== undefined, (query) =>
        // Its end, compared as it is: a pattern would have signs of its own.
        query.where(
          sql<boolean>`substr(endpoint, length(endpoint) - ${[...(endpoint ?? '')].length - 1}) = ${endpoint}`,
        ),
      )

  const newestFirst = (refusals: ReturnType<typeof matching>, after: RefusalCursor | undefined) =>
    refusals
      // Said twice, so that the index is entered at the right place.
      .$if(after !== undefined, (query) => query.where('refused_at', '<=', after?.at ?? 0))
      .$if(after !== undefined, (query) =>
        query.where(({ eb, or }) => or([eb('refused_at', '<', after?.at ?? 0), eb('id', '>', after?.id ?? '')])),
      )
      .orderBy('refused_at', 'desc')
      .orderBy('id')

  return {
    async add(refusals: readonly Refusal[]): Promise<void> {
      if (refusals.length > 0) await db.insertInto('refusals').values(refusals.map(toRow)).execute()
    },

    async find(id: string): Promise<Refusal | undefined> {
      const row = await db.selectFrom('refusals').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toRefusal(row)
    },

    /** The latest first. @param from goes on after this one */
    async list(limit: number, filter: RefusalFilter = {}, from?: RefusalCursor): Promise<Refusal[]> {
      const match = (after: RefusalCursor | undefined, upTo: RefusalCursor | undefined, most: number) =>
        newestFirst(matching(filter), after)
          .$if(upTo !== undefined, (query) => query.where('refused_at', '>=', upTo?.at ?? 0))
          .$if(upTo !== undefined, (query) =>
            query.where(({ eb, or }) => or([eb('refused_at', '>', upTo?.at ?? 0), eb('id', '<=', upTo?.id ?? '')])),
          )
          .limit(most)
          .execute()
      // What an index knows of: the app and the time.
      const { error, status, endpoint, ...known } = filter
      const endOfSlice = async (after: RefusalCursor | undefined): Promise<RefusalCursor | undefined> => {
        const last = await newestFirst(matching(known), after).offset(SLICE).limit(1).executeTakeFirst()
        return last && { at: last.refused_at, id: last.id }
      }
      const isKnown = error === undefined && status === undefined && endpoint === undefined
      const rows = isKnown ? match(from, undefined, limit) : searchInSlices({ endOfSlice, match }, from, limit)
      return (await rows).map(toRefusal)
    },

    /**
     * Reads on through all of them, the latest first, so many at a time.
     * @returns of each the registered app that it names
     */
    async walk(
      limit: number,
      after?: RefusalCursor,
    ): Promise<(RefusalCursor & { readonly app: string | undefined })[]> {
      const rows = await newestFirst(matching({}), after)
        .clearSelect()
        .select(['id', 'refused_at'])
        .select(({ selectFrom }) =>
          selectFrom('trusted_applications as named')
            .select('named.application_uri')
            .whereRef('named.application_uri', '=', 'refusals.application_uri')
            .as('app'),
        )
        .limit(limit)
        .execute()
      return rows.map(({ id, refused_at: at, app }) => ({ id, at, app: app ?? undefined }))
    },

    /** @returns how many went */
    async forget(ids: readonly string[]): Promise<number> {
      if (ids.length === 0) return 0
      const { numDeletedRows } = await db.deleteFrom('refusals').where('id', 'in', ids).executeTakeFirst()
      return Number(numDeletedRows)
    },

    /** When the newest of those was refused that are more than so many; nothing where there are not more. */
    async timeOfNewestBeyond(most: number): Promise<number | undefined> {
      const newest = db.selectFrom('refusals').select('refused_at').orderBy('refused_at', 'desc')
      return (await newest.offset(most).limit(1).executeTakeFirst())?.refused_at
    },
  }
}
