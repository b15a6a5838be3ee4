import type { Kysely, Selectable } from 'kysely'
import type { ErrorCode } from '../../../domain/refusals/errors.ts'
import type { Refusal } from '../../../domain/refusals/refusal.ts'
import { keepable } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'

// Rows: far more than come between two clean-ups, and few enough for one look.
const LOOKED_THROUGH = 10_000

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

/** What was turned down lately; bounded in number and age. */
export function refusalsOn(db: Kysely<Schema>) {
  return {
    async add(refusals: readonly Refusal[]): Promise<void> {
      if (refusals.length > 0) await db.insertInto('refusals').values(refusals.map(toRow)).execute()
    },

    async find(id: string): Promise<Refusal | undefined> {
      const row = await db.selectFrom('refusals').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toRefusal(row)
    },

    /** The latest first. @param app only those of this `client_id` @param after goes on after this one */
    async list(limit: number, app?: string, after?: Pick<Refusal, 'at' | 'id'>): Promise<Refusal[]> {
      const rows = await db
        .selectFrom('refusals')
        .selectAll()
        .$if(app !== undefined, (query) => query.where('application_uri', '=', app ?? ''))
        // Said twice, so that the index is entered at the right place.
        .$if(after !== undefined, (query) => query.where('refused_at', '<=', after?.at ?? 0))
        .$if(after !== undefined, (query) =>
          query.where(({ eb, or }) => or([eb('refused_at', '<', after?.at ?? 0), eb('id', '>', after?.id ?? '')])),
        )
        .orderBy('refused_at', 'desc')
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(toRefusal)
    },

    /**
     * Forgets refusals that name no registered app, the oldest first, until so many are left.
     * @param limit the most rows to touch
     * @returns how many went
     */
    async forgetNameless(most: number, limit: number): Promise<number> {
      const newest = db.selectFrom('refusals').select(['id', 'application_uri', 'refused_at'])
      const beyond = db
        .selectFrom(newest.orderBy('refused_at', 'desc').orderBy('id').limit(LOOKED_THROUGH).as('newest'))
        .select('newest.id')
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('trusted_applications')
                .select('trusted_applications.application_uri')
                .whereRef('trusted_applications.application_uri', '=', 'newest.application_uri'),
            ),
          ),
        )
        .orderBy('newest.refused_at', 'desc')
        .orderBy('newest.id')
        .limit(limit)
        .offset(most)
      const { numDeletedRows } = await db.deleteFrom('refusals').where('id', 'in', beyond).executeTakeFirst()
      return Number(numDeletedRows)
    },

    /** When the newest of those was refused that are more than so many; nothing where there are not more. */
    async timeOfNewestBeyond(most: number): Promise<number | undefined> {
      const newest = db.selectFrom('refusals').select('refused_at').orderBy('refused_at', 'desc')
      return (await newest.offset(most).limit(1).executeTakeFirst())?.refused_at
    },
  }
}
