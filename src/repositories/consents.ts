import type { Kysely } from 'kysely'
import { toScope } from './columns.ts'
import type { Schema } from './schema.ts'

/** What a person has allowed an app, remembered until they take it back. */
export interface Consent {
  readonly scope: readonly string[]
  readonly grantedAt: number
}

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

    /** Adds to what was allowed before; of two browsers that allow at once, none overwrites the other. */
    async grant(userId: string, applicationUri: string, scope: readonly string[], now: number): Promise<void> {
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
        if (stored === 1n) return
      }
    },
  }
}
