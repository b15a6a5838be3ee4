import { type Kysely, type SqlBool, sql } from 'kysely'
import type { RefreshGrant } from '../../../domain/tokens/refresh-grant.ts'
import { toScope } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { isUnderItsEpochs } from '../sessions/session-epochs.ts'

export type { RefreshGrant }

/** Which part of a list: what comes after a grant, and how many of it. */
export interface GrantPart {
  readonly after?: Pick<RefreshGrant, 'startedAt' | 'family'> | undefined
  readonly limit: number
}

// Asked for from the very beginning, too, so that it is the index in this order that is read.
const AFTER_ALL = { startedAt: Number.MAX_SAFE_INTEGER, family: '~' }

/**
 * What apps may refresh for a person, the newest first: nothing that ended, and nothing that came without a refresh token.
 * @param now milliseconds since 1970
 */
export async function refreshGrantsOf(
  db: Kysely<Schema>,
  userId: string,
  now: number,
  { after = AFTER_ALL, limit }: GrantPart,
): Promise<RefreshGrant[]> {
  const rows = await db
    .selectFrom('token_families as f')
    .innerJoin('refresh_tokens as tip', (join) =>
      join.onRef('tip.family', '=', 'f.family').on('tip.rotated_at', 'is', null),
    )
    .select([
      'f.family',
      'f.application_uri',
      'f.user_id',
      'f.sid',
      'f.scope',
      'f.started_at',
      'f.signed_out_at',
      'tip.expires_at',
    ])
    .select((eb) =>
      eb
        .selectFrom('refresh_tokens as used')
        .select('used.rotated_at')
        .whereRef('used.family', '=', 'f.family')
        .where('used.rotated_at', 'is not', null)
        .orderBy('used.rotated_at', 'desc')
        .limit(1)
        .as('last_used_at'),
    )
    .where('f.user_id', '=', userId)
    .where('f.revoked_at', 'is', null)
    .where('tip.expires_at', '>', now)
    .where(isUnderItsEpochs('f'))
    .where(sql<SqlBool>`(f.started_at, f.family) < (${after.startedAt}, ${after.family})`)
    .orderBy('f.started_at', 'desc')
    .orderBy('f.family', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    family: row.family,
    applicationUri: row.application_uri,
    userId: row.user_id,
    sid: row.sid,
    scope: toScope(row.scope),
    startedAt: row.started_at,
    lastUsedAt: row.last_used_at ?? undefined,
    expiresAt: row.expires_at,
    isSignedOut: row.signed_out_at !== null,
  }))
}
