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
  async function find(userId: string, applicationUri: string): Promise<Consent | undefined> {
    const row = await db
      .selectFrom('consents')
      .selectAll()
      .where('user_id', '=', userId)
      .where('application_uri', '=', applicationUri)
      .executeTakeFirst()
    return row && { scope: toScope(row.scope), grantedAt: row.granted_at }
  }

  return {
    find,

    /** Adds to what was allowed before. */
    async grant(userId: string, applicationUri: string, scope: readonly string[], now: number): Promise<void> {
      const before = await find(userId, applicationUri)
      const columns = { scope: [...new Set([...(before?.scope ?? []), ...scope])].join(' '), granted_at: now }
      await db
        .insertInto('consents')
        .values({ user_id: userId, application_uri: applicationUri, ...columns })
        .onConflict((conflict) => conflict.columns(['user_id', 'application_uri']).doUpdateSet(columns))
        .execute()
    },
  }
}
