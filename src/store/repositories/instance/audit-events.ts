import { type Kysely, type Selectable, sql } from 'kysely'
import { type AuditRecord, changesRecords } from '../../../domain/instance/audit.ts'
import { networkOf, startOfNetwork } from '../../../lib/net/network.ts'
import type { Schema } from '../../schema/schema.ts'
import { countChange } from './settings.ts'
import { SLICE, searchInSlices } from './slices.ts'

type Row = Selectable<Schema['audit_events']>

const toRecord = (row: Row): AuditRecord => ({
  id: row.id,
  at: row.happened_at,
  event: row.event as AuditRecord['event'],
  outcome: row.outcome as AuditRecord['outcome'],
  actor: row.actor,
  address: row.address ?? undefined,
  app: row.application_uri ?? undefined,
  user: row.user_id ?? undefined,
  detail: JSON.parse(row.detail) as AuditRecord['detail'],
})

/** The row of an event. */
export const toAuditRow = (record: AuditRecord): Row => ({
  id: record.id,
  happened_at: record.at,
  event: record.event,
  outcome: record.outcome,
  actor: record.actor,
  address: record.address ?? null,
  application_uri: record.app ?? null,
  user_id: record.user ?? null,
  detail: JSON.stringify(record.detail),
})

/** Which events to read; times are milliseconds since 1970. */
export interface AuditFilter {
  readonly event?: string | undefined
  readonly app?: string | undefined
  readonly user?: string | undefined
  readonly since?: number | undefined
  readonly until?: number | undefined
}

/** Where to go on reading: the last event read. */
export type AuditCursor = Pick<AuditRecord, 'at' | 'id'>

/** Which event comes first. */
export type AuditOrder = 'oldest' | 'newest'

const ORDERS = {
  oldest: { beyond: '>', orAt: '>=', before: '<', orBefore: '<=', direction: 'asc' },
  newest: { beyond: '<', orAt: '<=', before: '>', orBefore: '>=', direction: 'desc' },
} as const

// SQLite takes 32,766 values in one statement.
const ROWS_AT_ONCE = 1000

export type AuditEvents = ReturnType<typeof auditEventsOn>

/** Keeps what is to be run when the transaction under way is committed. */
export type AfterCommit = (run: () => void) => void

/** The audit log: it is only ever added to. */
export function auditEventsOn(db: Kysely<Schema>, afterCommit: AfterCommit = () => undefined) {
  const matching = ({ event, app, user, since, until }: AuditFilter) =>
    db
      .selectFrom('audit_events')
      .selectAll()
      .$if(event !== undefined, (query) => query.where('event', '=', event ?? ''))
      .$if(app !== undefined, (query) => query.where('application_uri', '=', app ?? ''))
      .$if(user !== undefined, (query) => query.where('user_id', '=', user ?? ''))
      .$if(since !== undefined, (query) => query.where('happened_at', '>=', since ?? 0))
      .$if(until !== undefined, (query) => query.where('happened_at', '<', until ?? 0))

  const inOrder = (events: ReturnType<typeof matching>, order: AuditOrder, after: AuditCursor | undefined) => {
    const { beyond, orAt, direction } = ORDERS[order]
    return (
      events
        // Said twice, so that the index is entered at the right place.
        .$if(after !== undefined, (query) => query.where('happened_at', orAt, after?.at ?? 0))
        .$if(after !== undefined, (query) =>
          query.where(({ eb, or }) =>
            or([eb('happened_at', beyond, after?.at ?? 0), eb('id', beyond, after?.id ?? '')]),
          ),
        )
        .orderBy('happened_at', direction)
        .orderBy('id', direction)
    )
  }

  return {
    /** @param committed called once the records are there to stay, and never where they are not */
    async add(records: readonly AuditRecord[], committed?: () => void): Promise<void> {
      for (let from = 0; from < records.length; from += ROWS_AT_ONCE) {
        const rows = records.slice(from, from + ROWS_AT_ONCE).map(toAuditRow)
        await db.insertInto('audit_events').values(rows).execute()
      }
      if (records.some(changesRecords)) await countChange(db)
      if (committed) afterCommit(committed)
    },

    /** The next events; the oldest first, reading can go on where it stopped. */
    async read(
      filter: AuditFilter,
      limit: number,
      from?: AuditCursor,
      order: AuditOrder = 'oldest',
    ): Promise<AuditRecord[]> {
      const { before, orBefore } = ORDERS[order]
      const match = (after: AuditCursor | undefined, upTo: AuditCursor | undefined, most: number) =>
        inOrder(matching(filter), order, after)
          .$if(upTo !== undefined, (query) => query.where('happened_at', orBefore, upTo?.at ?? 0))
          .$if(upTo !== undefined, (query) =>
            query.where(({ eb, or }) =>
              or([eb('happened_at', before, upTo?.at ?? 0), eb('id', orBefore, upTo?.id ?? '')]),
            ),
          )
          .limit(most)
          .execute()
      // What an index knows of: the app, else the user, and the time.
      const { event, app, user, ...times } = filter
      const known = { ...times, ...(app === undefined ? { user } : { app }) }
      const endOfSlice = async (after: AuditCursor | undefined): Promise<AuditCursor | undefined> => {
        const last = await inOrder(matching(known), order, after).offset(SLICE).limit(1).executeTakeFirst()
        return last && { at: last.happened_at, id: last.id }
      }
      const isKnown = event === undefined && (app === undefined || user === undefined)
      const rows = isKnown ? match(from, undefined, limit) : searchInSlices({ endOfSlice, match }, from, limit)
      return (await rows).map(toRecord)
    },

    /** How many apps registered themselves from the network of an address since a time, milliseconds since 1970, by leave of nobody. */
    async countRegistrations(address: string, since: number): Promise<number> {
      const network = networkOf(address)
      const rows = await db
        .selectFrom('audit_events')
        .select('address')
        // Written out, so that the small index of these events is used.
        .where(sql<boolean>`event = 'app_registered'`)
        .where('happened_at', '>', since)
        .where('address', 'like', `${startOfNetwork(address)}%`)
        .where('actor', '=', 'nobody')
        .execute()
      return rows.filter((row) => networkOf(row.address ?? '') === network).length
    },

    /** The last so many, in the order they happened. */
    async latest(filter: AuditFilter, limit: number): Promise<AuditRecord[]> {
      const newestFirst = matching(filter).orderBy('happened_at', 'desc').orderBy('id', 'desc')
      return (await newestFirst.limit(limit).execute()).map(toRecord).reverse()
    },
  }
}
