import type { Kysely } from 'kysely'
import type { Schema } from '../../schema/schema.ts'

/** Tables of what lets an app act as a user until it expires or is revoked. */
type GrantTable = 'token_families' | 'reference_tokens'

/** The apps that hold something live of a user. @param now milliseconds since 1970 */
export async function appsHolding(
  db: Kysely<Schema>,
  table: GrantTable,
  userId: string,
  now: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom(table as 'token_families')
    .select('application_uri')
    .distinct()
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('trusted_applications as gone')
            .select('gone.epoch')
            .whereRef('gone.application_uri', '=', 'application_uri')
            .where('gone.removed_at', 'is not', null),
        ),
      ),
    )
    .execute()
  return rows.map(({ application_uri }) => application_uri)
}

/** Revokes everything live that an app holds of a user. @returns how much it was */
export async function revokeHeld(
  db: Kysely<Schema>,
  table: GrantTable,
  held: { readonly applicationUri: string; readonly userId: string },
  now: number,
): Promise<number> {
  const revoked = await db
    .updateTable(table as 'token_families')
    .set({ revoked_at: now })
    .where('application_uri', '=', held.applicationUri)
    .where('user_id', '=', held.userId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return Number(revoked.numUpdatedRows)
}
