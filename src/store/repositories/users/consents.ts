import type { Kysely } from 'kysely'
import { toScope } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'

/** What a person has allowed an app, remembered until they take it back. */
export interface Consent {
  readonly scope: readonly string[]
  /** When something was allowed last, milliseconds since 1970. */
  readonly grantedAt: number
}

/** A consent with who gave it, and to which app. */
export interface ConsentRecord extends Consent {
  readonly userId: string
  readonly applicationUri: string
}

export interface ConsentFilter {
  readonly userId?: string | undefined
  readonly applicationUri?: string | undefined
}

/** Where to go on reading: the last consent read. */
export type ConsentKey = Pick<ConsentRecord, 'grantedAt' | 'applicationUri' | 'userId'>

// Asked for from the very beginning, too, so that it is an index in this order that is read.
const AFTER_ALL: ConsentKey = { grantedAt: Number.MAX_SAFE_INTEGER, applicationUri: '~', userId: '~' }

export type Consents = ReturnType<typeof consentsOn>

export function consentsOn(db: Kysely<Schema>) {
  const findRow = (userId: string, applicationUri: string) =>
    db
      .selectFrom('consents')
      .selectAll()
      .where('user_id', '=', userId)
      .where('application_uri', '=', applicationUri)
      .executeTakeFirst()

  return {
    async find(userId: string, applicationUri: string): Promise<Consent | undefined> {
      const row = await findRow(userId, applicationUri)
      return row && { scope: toScope(row.scope), grantedAt: row.granted_at }
    },

    /** The next consents, the one given last first. */
    async page(
      { userId, applicationUri }: ConsentFilter,
      { after = AFTER_ALL, limit }: { readonly after?: ConsentKey | undefined; readonly limit: number },
    ): Promise<ConsentRecord[]> {
      const rows = await db
        .selectFrom('consents')
        .selectAll()
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('trusted_applications as gone')
                .select('gone.epoch')
                .whereRef('gone.application_uri', '=', 'consents.application_uri')
                .where('gone.removed_at', 'is not', null),
            ),
          ),
        )
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('users as gone')
                .select('gone.epoch')
                .whereRef('gone.id', '=', 'consents.user_id')
                .where('gone.removed_at', 'is not', null),
            ),
          ),
        )
        .$if(userId !== undefined, (query) => query.where('user_id', '=', userId ?? ''))
        .$if(applicationUri !== undefined, (query) => query.where('application_uri', '=', applicationUri ?? ''))
        .where(({ eb, refTuple, tuple }) =>
          eb(
            refTuple('granted_at', 'application_uri', 'user_id'),
            '<',
            tuple(eb.val(after.grantedAt), eb.val(after.applicationUri), eb.val(after.userId)),
          ),
        )
        .orderBy('granted_at', 'desc')
        .orderBy('application_uri', 'desc')
        .orderBy('user_id', 'desc')
        .limit(limit)
        .execute()
      return rows.map((row) => ({
        userId: row.user_id,
        applicationUri: row.application_uri,
        scope: toScope(row.scope),
        grantedAt: row.granted_at,
      }))
    },

    /** Forgets what a person has allowed an app. @returns what it was, or nothing where nothing was */
    async withdraw(userId: string, applicationUri: string): Promise<Consent | undefined> {
      const row = await db
        .deleteFrom('consents')
        .where('user_id', '=', userId)
        .where('application_uri', '=', applicationUri)
        .returning(['scope', 'granted_at'])
        .executeTakeFirst()
      return row && { scope: toScope(row.scope), grantedAt: row.granted_at }
    },

    /**
     * Adds to what was allowed before; of two browsers that allow at once, none overwrites the other.
     * @returns whether anything of it is new
     */
    async grant(userId: string, applicationUri: string, scope: readonly string[], now: number): Promise<boolean> {
      for (;;) {
        const before = (await findRow(userId, applicationUri))?.scope ?? ''
        const columns = { scope: [...new Set([...toScope(before), ...scope])].join(' '), granted_at: now }
        const { numInsertedOrUpdatedRows: stored } = await db
          .insertInto('consents')
          .values({ user_id: userId, application_uri: applicationUri, ...columns })
          .onConflict((conflict) =>
            conflict.columns(['user_id', 'application_uri']).doUpdateSet(columns).where('consents.scope', '=', before),
          )
          .executeTakeFirst()
        if (stored === 1n) return columns.scope !== before
      }
    },
  }
}
