import type { Kysely, Selectable } from 'kysely'
import type { Granted } from '../../../domain/access/authorization.ts'
import { fromGranted, toGranted } from '../../schema/grant-columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { AT_ONCE, inPortions } from '../instance/names.ts'
import { sessionEpochOf } from '../sessions/session-epochs.ts'
import { appsHolding, revokeHeld } from './live-grants.ts'
import { type GrantPart, type RefreshGrant, refreshGrantsOf } from './refresh-grants.ts'
import { noteEnding } from './token-notices.ts'

/** All tokens that grew from one sign-in at one app; they die together. */
export interface TokenFamily extends Granted {
  readonly startedAt: number
  /** Milliseconds since 1970; after this no token of the family can be live. */
  readonly expiresAt: number
  readonly revokedAt: number | undefined
  /** When the person signed out of the session that it grew from: its access tokens of before are over, and its refresh token is not. */
  readonly signedOutAt: number | undefined
  readonly presentSessionEpoch: number
}

/** Where access tokens ended by a sign-out. */
export interface SignedOut {
  readonly sid: string
  readonly applicationUri: string
}

const SIGNED_OUT = ['sid', 'application_uri', 'user_id', 'revoked_at', 'expires_at'] as const
type SignedOutRow = Pick<Selectable<Schema['token_families']>, (typeof SIGNED_OUT)[number]>

export type TokenFamilies = ReturnType<typeof tokenFamiliesOn>

export function tokenFamiliesOn(db: Kysely<Schema>) {
  return {
    async find(family: string): Promise<TokenFamily | undefined> {
      const row = await db
        .selectFrom('token_families')
        .selectAll()
        .select(sessionEpochOf('token_families').as('present_session_epoch'))
        .where('family', '=', family)
        .executeTakeFirst()
      return (
        row && {
          ...toGranted(row),
          startedAt: row.started_at,
          expiresAt: row.expires_at,
          revokedAt: row.revoked_at ?? undefined,
          signedOutAt: row.signed_out_at ?? undefined,
          presentSessionEpoch: row.present_session_epoch,
        }
      )
    },

    /**
     * Starts a family; where a token handed out with the code has started it, the code's redemption lets it live longer.
     * @returns false when it was revoked meanwhile
     */
    async start(family: Omit<TokenFamily, 'revokedAt' | 'signedOutAt' | 'presentSessionEpoch'>): Promise<boolean> {
      const started = await db
        .insertInto('token_families')
        .values({
          ...fromGranted(family),
          started_at: family.startedAt,
          expires_at: family.expiresAt,
          revoked_at: null,
          signed_out_at: null,
        })
        .onConflict((conflict) =>
          conflict
            .column('family')
            .doUpdateSet({ expires_at: family.expiresAt })
            .where('token_families.revoked_at', 'is', null),
        )
        .executeTakeFirst()
      return started.numInsertedOrUpdatedRows === 1n
    },

    refreshable: (userId: string, now: number, part: GrantPart): Promise<RefreshGrant[]> =>
      refreshGrantsOf(db, userId, now, part),

    /** Keeps a family as it is until the unit of work is over: whoever ends its tokens waits, and then sees what the unit has written. */
    async hold(family: string): Promise<Pick<TokenFamily, 'signedOutAt'> | undefined> {
      const held = await db
        .updateTable('token_families')
        .set((eb) => ({ expires_at: eb.ref('expires_at') }))
        .where('family', '=', family)
        .returning('signed_out_at')
        .executeTakeFirst()
      return held && { signedOutAt: held.signed_out_at ?? undefined }
    },

    /** Ends every token of the family. @returns false when it had ended already */
    async revoke(family: string, now: number): Promise<boolean> {
      const revoked = await db
        .updateTable('token_families')
        .set({ revoked_at: now })
        .where('family', '=', family)
        .where('revoked_at', 'is', null)
        .returning(['application_uri', 'user_id'])
        .executeTakeFirst()
      if (revoked) await noteEnding(db, { app: revoked.application_uri, user: revoked.user_id }, now)
      return revoked !== undefined
    },

    /** Ends the access tokens that were issued in sign-in sessions of one person so far, and tells APIs of them. */
    async signOut(sids: readonly string[], now: number): Promise<SignedOut[]> {
      const rows = await inPortions(sids, (some) =>
        db
          .updateTable('token_families')
          .set({ signed_out_at: now })
          .where('sid', 'in', some)
          .where('signed_out_at', 'is', null)
          .returning(SIGNED_OUT)
          .execute(),
      )
      return tellOfSignOut(db, rows, now)
    },

    /** The same in every session of a person that has ended, however it did; those that are open are left alone. */
    async signOutEnded(userId: string, now: number): Promise<SignedOut[]> {
      const rows: SignedOutRow[] = []
      for (;;) {
        const some = await signOutSomeEnded(db, userId, now)
        rows.push(...some)
        if (some.length === 0) return tellOfSignOut(db, rows, now)
      }
    },

    /** The apps that have one which acts as a user and has not ended. */
    appsOf: (userId: string, now: number): Promise<string[]> => appsHolding(db, 'token_families', userId, now),

    /** The apps that have one which grew from a sign-in session and has not ended, one for each. */
    async appsOfSession(sid: string, now: number): Promise<string[]> {
      const rows = await db
        .selectFrom('token_families')
        .select('application_uri')
        .where('sid', '=', sid)
        .where('revoked_at', 'is', null)
        .where('expires_at', '>', now)
        .execute()
      return rows.map(({ application_uri }) => application_uri)
    },

    /** Ends every token that grew from sign-ins of a user at an app. @returns how many families there were */
    revokeAllOf: (applicationUri: string, userId: string, now: number): Promise<number> =>
      revokeHeld(db, 'token_families', { applicationUri, userId }, now),
  }
}

function signOutSomeEnded(db: Kysely<Schema>, userId: string, now: number): Promise<SignedOutRow[]> {
  const some = db
    .selectFrom('token_families as grown')
    .select('grown.family')
    .where('grown.user_id', '=', userId)
    .where('grown.revoked_at', 'is', null)
    .where('grown.signed_out_at', 'is', null)
    .where('grown.expires_at', '>', now)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('sign_in_sessions as open')
            .select('open.sid')
            .whereRef('open.sid', '=', 'grown.sid')
            .where('open.ended_at', 'is', null),
        ),
      ),
    )
    .limit(AT_ONCE)
  return db
    .updateTable('token_families')
    .set({ signed_out_at: now })
    .where('family', 'in', some)
    .where('signed_out_at', 'is', null)
    .returning(SIGNED_OUT)
    .execute()
}

/** Tells APIs of access tokens that a sign-out ended. @returns where any lived until then */
async function tellOfSignOut(db: Kysely<Schema>, rows: readonly SignedOutRow[], now: number): Promise<SignedOut[]> {
  const users = new Map(rows.map(({ application_uri, user_id }) => [application_uri, user_id]))
  for (const [app, user] of users) await noteEnding(db, { app, user }, now)
  const lived = rows.filter(({ revoked_at, expires_at }) => revoked_at === null && expires_at > now)
  return lived.map(({ sid, application_uri: applicationUri }) => ({ sid, applicationUri }))
}
