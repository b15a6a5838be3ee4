import type { Kysely } from 'kysely'
import type { Schema } from '../schema/schema.ts'

/** What else was ended, since it may have been used up, replaced or sent after the rows were written. */
export interface EndedUsed {
  readonly initialAccessTokens: number
  readonly secrets: number
  /** What waited to be sent elsewhere, such as notices about sign-outs. */
  readonly deliveries: number
}

/** Ids of the secrets that count in the database whose place is taken; `undefined` where nobody can say. */
export type LiveSecrets = ReadonlySet<string> | undefined

/**
 * Ends what rows of a backup cannot tell from what was used up or replaced since: initial access tokens, secrets that were being
 * replaced or that the present database knows no more, and whatever waits to be sent.
 * @param now milliseconds since 1970
 */
export async function endUsed(db: Kysely<Schema>, now: number, liveSecrets: LiveSecrets): Promise<EndedUsed> {
  const tokens = await db
    .updateTable('initial_access_tokens')
    .set({ expires_at: now })
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
    .where((eb) => eb.or([eb('uses_left', 'is', null), eb('uses_left', '>', 0)]))
    .executeTakeFirst()
  const { numDeletedRows } = await db
    .deleteFrom('outbox')
    .where('delivered_at', 'is', null)
    .where('given_up_at', 'is', null)
    .executeTakeFirst()
  return {
    initialAccessTokens: Number(tokens.numUpdatedRows),
    secrets: await endReplacedSecrets(db, now, liveSecrets),
    deliveries: Number(numDeletedRows),
  }
}

async function endReplacedSecrets(db: Kysely<Schema>, now: number, live: LiveSecrets): Promise<number> {
  const secrets = await db
    .selectFrom('app_secrets')
    .select(['id', 'application_uri', 'created_at', 'expires_at'])
    .execute()
  const newest = new Map<string, number>()
  for (const { application_uri: app, created_at: at } of secrets) newest.set(app, Math.max(at, newest.get(app) ?? 0))
  const replaced = secrets.filter(
    ({ id, application_uri: app, created_at: at, expires_at: expires }) =>
      (expires === null || expires > now) &&
      ((expires !== null && at < (newest.get(app) ?? 0)) || live?.has(id) === false),
  )
  for (const { id } of replaced)
    await db.updateTable('app_secrets').set({ expires_at: now }).where('id', '=', id).execute()
  return replaced.length
}
