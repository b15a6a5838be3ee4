import type { Kysely } from 'kysely'
import type { Schema } from '../schema/schema.ts'

/** What else was ended, since it may have been used up, replaced or sent after the rows were written. */
export interface EndedUsed {
  readonly initialAccessTokens: number
  readonly secrets: number
  /** URIs of the apps that have no secret left because of that, in order. */
  readonly appsWithoutSecret: readonly string[]
  /** What waited to be sent elsewhere, such as notices about sign-outs. */
  readonly deliveries: number
}

/**
 * Hashes of the secrets that count in the database whose place is taken, by the URI of the app; `undefined` where nobody can say.
 * An app that is not among them was removed or never known there, which says nothing of its secrets.
 */
export type LiveSecrets = ReadonlyMap<string, ReadonlySet<string>> | undefined

/**
 * Ends what rows of a backup cannot tell from what was used up or replaced since: initial access tokens, secrets that were being
 * replaced or that an app has replaced in the present database, and whatever waits to be sent.
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
    ...(await endReplacedSecrets(db, now, liveSecrets)),
    deliveries: Number(numDeletedRows),
  }
}

async function endReplacedSecrets(
  db: Kysely<Schema>,
  now: number,
  present: LiveSecrets,
): Promise<Pick<EndedUsed, 'secrets' | 'appsWithoutSecret'>> {
  const secrets = await db
    .selectFrom('app_secrets')
    .select(['id', 'application_uri', 'hash', 'created_at', 'expires_at'])
    .execute()
  const newest = new Map<string, number>()
  for (const { application_uri: app, created_at: at } of secrets) newest.set(app, Math.max(at, newest.get(app) ?? 0))
  const live = secrets.filter(({ expires_at: expires }) => expires === null || expires > now)
  const replaced = live.filter(
    ({ application_uri: app, hash, created_at: at, expires_at: expires }) =>
      (expires !== null && at < (newest.get(app) ?? 0)) || present?.get(app)?.has(hash) === false,
  )
  const ended = new Set(replaced.map(({ id }) => id))
  for (const id of ended) await db.updateTable('app_secrets').set({ expires_at: now }).where('id', '=', id).execute()
  const kept = new Set(live.filter(({ id }) => !ended.has(id)).map(({ application_uri: app }) => app))
  const touched = new Set(replaced.map(({ application_uri: app }) => app))
  return { secrets: replaced.length, appsWithoutSecret: [...touched].filter((app) => !kept.has(app)).sort() }
}
