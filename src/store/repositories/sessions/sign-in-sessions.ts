import type { Kysely, Selectable } from 'kysely'
import type { SignInFacts } from '../../../domain/access/authorization.ts'
import type { TimeKey } from '../../../domain/records/time-key.ts'
import type { SessionLimits } from '../../../domain/sessions/sign-in-session.ts'
import type { User } from '../../../domain/users/user.ts'
import { fromSignIn, toSignIn } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { inPortions } from '../instance/names.ts'
import { type LeftApp, noteSignOut } from './session-apps.ts'

/** A browser in which somebody is signed in. */
export interface SignInSession extends SignInFacts {
  readonly userId: string
  readonly userEpoch: number
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly endedAt: number | undefined
}

const toSession = (row: Selectable<Schema['sign_in_sessions']>): SignInSession => ({
  ...toSignIn(row),
  userId: row.user_id,
  userEpoch: row.user_epoch,
  createdAt: row.created_at,
  lastSeenAt: row.last_seen_at,
  endedAt: row.ended_at ?? undefined,
})

/** Which part of a list: what comes after a session, and how many of it. */
export interface SignInPart {
  readonly after?: TimeKey | undefined
  readonly limit: number
}

// Asked for from the very beginning, too, so that it is the index in this order that is read.
const AFTER_ALL: TimeKey = { at: Number.MAX_SAFE_INTEGER, id: '~' }

export type SignInSessions = ReturnType<typeof signInSessionsOn>

/** Sign-in sessions; of the cookie only the digest is kept. */
export function signInSessionsOn(db: Kysely<Schema>) {
  const find = async (column: 'sid' | 'cookie_digest', value: string): Promise<SignInSession | undefined> => {
    const row = await db.selectFrom('sign_in_sessions').selectAll().where(column, '=', value).executeTakeFirst()
    return row && toSession(row)
  }

  return {
    find: (sid: string) => find('sid', sid),
    findByCookie: (cookieDigest: string) => find('cookie_digest', cookieDigest),

    /** Where a person is signed in, the newest first: nothing that ended, ran out or was before their latest kill switch. */
    async page(
      { id, epoch }: Pick<User, 'id' | 'epoch'>,
      { idle, absolute }: SessionLimits,
      now: number,
      { after = AFTER_ALL, limit }: SignInPart,
    ): Promise<SignInSession[]> {
      const rows = await db
        .selectFrom('sign_in_sessions')
        .selectAll()
        .where('user_id', '=', id)
        .where('ended_at', 'is', null)
        .where('user_epoch', '=', epoch)
        .where('last_seen_at', '>', now - idle)
        .where('created_at', '>', now - absolute)
        .where(({ eb, refTuple, tuple }) =>
          eb(refTuple('created_at', 'sid'), '<', tuple(eb.val(after.at), eb.val(after.id))),
        )
        .orderBy('created_at', 'desc')
        .orderBy('sid', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toSession)
    },

    async add(session: Omit<SignInSession, 'endedAt'>, cookieDigest: string): Promise<void> {
      await db
        .insertInto('sign_in_sessions')
        .values({
          ...fromSignIn(session),
          cookie_digest: cookieDigest,
          user_id: session.userId,
          user_epoch: session.userEpoch,
          created_at: session.createdAt,
          last_seen_at: session.lastSeenAt,
          ended_at: null,
        })
        .execute()
    },

    /** The same person proved again who they are: same `sid`, later `auth_time`, another cookie. */
    async renew(facts: SignInFacts, userEpoch: number, cookieDigest: string): Promise<void> {
      await db
        .updateTable('sign_in_sessions')
        .set({
          ...fromSignIn(facts),
          user_epoch: userEpoch,
          cookie_digest: cookieDigest,
          created_at: facts.authTime,
          last_seen_at: facts.authTime,
        })
        .where('sid', '=', facts.sid)
        .where('ended_at', 'is', null)
        .execute()
    },

    /** Notes that a session was used, and keeps it as it is until the unit of work is over. @returns false when it was ended */
    async touch(sid: string, now: number): Promise<boolean> {
      const touched = await db
        .updateTable('sign_in_sessions')
        .set({ last_seen_at: now })
        .where('sid', '=', sid)
        .where('ended_at', 'is', null)
        .executeTakeFirst()
      return touched.numUpdatedRows === 1n
    },

    /** Keeps a session as it is until the unit of work is over: whoever ends it waits, and then sees what the unit has written. */
    async hold(sid: string): Promise<void> {
      await db
        .updateTable('sign_in_sessions')
        .set((eb) => ({ last_seen_at: eb.ref('last_seen_at') }))
        .where('sid', '=', sid)
        .execute()
    },

    /** Puts down what the apps it was used at are to be told. @returns them, unless it had ended before */
    async end(sid: string, now: number): Promise<LeftApp[]> {
      await db
        .updateTable('sign_in_sessions')
        .set({ ended_at: now })
        .where('sid', '=', sid)
        .where('ended_at', 'is', null)
        .execute()
      return noteSignOut(db, { sids: [sid] }, now)
    },

    /** The same for each session of a person that had not ended. @returns their `sid`s, the newest first, and the apps */
    async endAllOf(userId: string, now: number): Promise<{ readonly sids: string[]; readonly left: LeftApp[] }> {
      const ended = await db
        .updateTable('sign_in_sessions')
        .set({ ended_at: now })
        .where('user_id', '=', userId)
        .where('ended_at', 'is', null)
        .returning(['sid', 'created_at'])
        .execute()
      const sids = ended.sort((a, b) => b.created_at - a.created_at).map(({ sid }) => sid)
      // Not by the person, who may have signed in again meanwhile.
      return { sids, left: await inPortions(sids, (some) => noteSignOut(db, { sids: some }, now)) }
    },
  }
}
