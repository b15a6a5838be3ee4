import type { Kysely, Selectable } from 'kysely'
import type { ReferenceToken, ReferenceTokenKind } from '../../../domain/tokens/reference-token.ts'
import type { User } from '../../../domain/users/user.ts'
import type { Use } from '../../../lib/flow/last-use.ts'
import { toScope } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { sessionEpochOf } from '../sessions/session-epochs.ts'
import { appsHolding, revokeHeld } from './live-grants.ts'

type Row = Selectable<Schema['reference_tokens']> & { readonly present_session_epoch: number }

const toToken = (row: Row): ReferenceToken => ({
  id: row.id,
  kind: row.kind as ReferenceTokenKind,
  applicationUri: row.application_uri,
  userId: row.user_id,
  appEpoch: row.app_epoch,
  userEpoch: row.user_epoch,
  sessionEpoch: row.session_epoch,
  presentSessionEpoch: row.present_session_epoch,
  description: row.description,
  scope: toScope(row.scope),
  createdBy: row.created_by,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  lastUsedAt: row.last_used_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
})

/** Whose tokens to list. */
export interface ReferenceTokenFilter {
  readonly app?: string | undefined
  readonly user?: string | undefined
  readonly kind?: ReferenceTokenKind | undefined
}

export type ReferenceTokens = ReturnType<typeof referenceTokensOn>

/** Personal and system access tokens; of a value only its digest is kept. */
export function referenceTokensOn(db: Kysely<Schema>) {
  const tokens = () =>
    db.selectFrom('reference_tokens').selectAll().select(sessionEpochOf('reference_tokens').as('present_session_epoch'))

  const matching = ({ app, user, kind }: ReferenceTokenFilter) =>
    tokens()
      .$if(app !== undefined, (query) => query.where('application_uri', '=', app ?? ''))
      .$if(user !== undefined, (query) => query.where('user_id', '=', user ?? ''))
      .$if(kind !== undefined, (query) => query.where('kind', '=', kind ?? ''))

  return {
    async find(digest: string): Promise<ReferenceToken | undefined> {
      const row = await tokens().where('digest', '=', digest).executeTakeFirst()
      return row && toToken(row)
    },

    async findById(id: string): Promise<ReferenceToken | undefined> {
      const row = await tokens().where('id', '=', id).executeTakeFirst()
      return row && toToken(row)
    },

    async add(
      token: Omit<ReferenceToken, 'lastUsedAt' | 'revokedAt' | 'presentSessionEpoch'>,
      digest: string,
    ): Promise<void> {
      await db
        .insertInto('reference_tokens')
        .values({
          id: token.id,
          digest,
          kind: token.kind,
          application_uri: token.applicationUri,
          user_id: token.userId,
          app_epoch: token.appEpoch,
          user_epoch: token.userEpoch,
          session_epoch: token.sessionEpoch,
          description: token.description,
          scope: token.scope.join(' '),
          created_by: token.createdBy,
          created_at: token.createdAt,
          expires_at: token.expiresAt,
          last_used_at: null,
          revoked_at: null,
        })
        .execute()
    },

    /** The next tokens, the newest first. */
    async page(
      filter: ReferenceTokenFilter,
      { after, limit }: { readonly after?: string | undefined; readonly limit: number },
    ): Promise<ReferenceToken[]> {
      const rows = await matching(filter)
        .$if(after !== undefined, (query) => query.where('id', '<', after ?? ''))
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toToken)
    },

    /** Those whose id is this one or follows it, in the order of ids. */
    async from(id: string, limit: number): Promise<ReferenceToken[]> {
      return (await tokens().where('id', '>=', id).orderBy('id').limit(limit).execute()).map(toToken)
    },

    /** How many tokens of this kind act as a user; what expired, was revoked or ended with a kill switch is none. */
    async countLive(user: Pick<User, 'id' | 'epoch'>, kind: ReferenceTokenKind, now: number): Promise<number> {
      const row = await db
        .selectFrom('reference_tokens as token')
        .innerJoin('trusted_applications as app', 'app.application_uri', 'token.application_uri')
        .select((eb) => eb.fn.countAll().as('count'))
        .where('token.user_id', '=', user.id)
        .where('token.kind', '=', kind)
        .where('token.revoked_at', 'is', null)
        .where('token.expires_at', '>', now)
        .where('token.user_epoch', '=', user.epoch)
        .whereRef('token.app_epoch', '=', 'app.epoch')
        .where('token.session_epoch', '=', sessionEpochOf('token'))
        .executeTakeFirst()
      return Number(row?.count ?? 0)
    },

    /** Notes when tokens were used. */
    async touch(uses: readonly Use[]): Promise<void> {
      for (const { id, at } of uses)
        await db.updateTable('reference_tokens').set({ last_used_at: at }).where('id', '=', id).execute()
    },

    /** Ends a token at once. @returns false when it had ended already */
    async revoke(id: string, now: number): Promise<boolean> {
      const revoked = await db
        .updateTable('reference_tokens')
        .set({ revoked_at: now })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      return revoked.numUpdatedRows === 1n
    },

    /** The apps that have one which acts as a user and has not ended. */
    appsOf: (userId: string, now: number): Promise<string[]> => appsHolding(db, 'reference_tokens', userId, now),

    /** Ends every token of an app that acts as this user. @returns how many */
    revokeAllOf: (applicationUri: string, userId: string, now: number): Promise<number> =>
      revokeHeld(db, 'reference_tokens', { applicationUri, userId }, now),
  }
}
