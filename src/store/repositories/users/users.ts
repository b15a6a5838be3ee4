import type { Kysely } from 'kysely'
import type { Account } from '../../../domain/instance/staged-records.ts'
import type { PageQuery } from '../../../domain/records/paging.ts'
import { type NewUser, spellingsOf, type User, type UserDetails, type UserType } from '../../../domain/users/user.ts'
import { newUserRecord } from '../../../domain/users/user-record.ts'
import { newId } from '../../../lib/crypto/secrets.ts'
import { toFlag } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { inPortions, loginsOf, pageByName, usersNear } from '../instance/names.ts'
import { beingRemoved, FEW, thoseWithMuch } from '../instance/removals.ts'
import { noteSignOut } from '../sessions/session-apps.ts'
import { noteEnding, noteEndings } from '../tokens/token-notices.ts'
import { type FoundUsers, type NewestQuery, newestUsers } from './newest-users.ts'
import { type SpelledAlike, spelledAlike } from './spelled-alike.ts'
import { identifierRows, nobodyOf, toUser, toUserRow } from './user-rows.ts'

export type Users = ReturnType<typeof usersOn>

/** The people and System Users of the instance. */
export function usersOn(db: Kysely<Schema>) {
  const everyone = () => db.selectFrom('users').where('removed_at', 'is', null)

  /** Nobody finds them any more, and nothing that was issued for them is good; what there is of that goes bit by bit. */
  async function markRemoved(ids: readonly string[], now: number): Promise<void> {
    if (ids.length === 0) return
    for (const table of ['user_identifiers', 'reserved_users'] as const)
      await db.deleteFrom(table).where('user_id', 'in', ids).execute()
    // Whoever gets the name next begins with no failed attempts.
    await db.deleteFrom('sign_in_attempts').where('user_id', 'in', ids).where('key', 'like', 'name:%').execute()
    for (const id of ids) {
      const { epoch: _, grants_epoch: __, ...nobody } = toUserRow({ user: nobodyOf(id, now), passwordHash: undefined })
      await db
        .updateTable('users')
        .set((eb) => ({ ...nobody, epoch: eb('epoch', '+', 1), removed_at: now }))
        .where('id', '=', id)
        .execute()
    }
  }

  const claimIdentifiers = (user: Pick<User, 'id' | 'login' | 'email'>, held: readonly string[] = []) =>
    db.insertInto('user_identifiers').values(identifierRows(user, held)).execute()

  /** What each of these is found by. */
  async function heldBy(ids: readonly string[]): Promise<Map<string, string[]>> {
    const rows = await inPortions(ids, (some) =>
      db.selectFrom('user_identifiers').selectAll().where('user_id', 'in', some).execute(),
    )
    const held = new Map<string, string[]>()
    for (const { user_id: id, identifier } of rows) held.set(id, [...(held.get(id) ?? []), identifier])
    return held
  }

  return {
    async find(id: string): Promise<User | undefined> {
      const row = await everyone().selectAll().where('id', '=', id).executeTakeFirst()
      return row && toUser(row)
    },

    /** Those that are there among these, by id. */
    async findEach(ids: Iterable<string>): Promise<Map<string, User>> {
      const rows = await inPortions(ids, (some) => everyone().selectAll().where('id', 'in', some).execute())
      return new Map(rows.map((row) => [row.id, toUser(row)]))
    },

    /** Finds the one account that a login or e-mail points at, in any of its spellings. */
    async findByIdentifier(identifier: string): Promise<{ user: User; passwordHash: string | undefined } | undefined> {
      const spellings = spellingsOf(identifier)
      const rows = await everyone()
        .innerJoin('user_identifiers', 'user_identifiers.user_id', 'users.id')
        .selectAll('users')
        .select('identifier')
        .where('identifier', 'in', spellings)
        .execute()
      // Two accounts may be there from before both spellings were one.
      const row = spellings.map((known) => rows.find((found) => found.identifier === known)).find(Boolean)
      return row && { user: toUser(row), passwordHash: row.password_hash ?? undefined }
    },

    /** The accounts that any of these logins and e-mails point at, each once. */
    async accountsOf(identifiers: Iterable<string>): Promise<Account[]> {
      const rows = await inPortions(new Set([...identifiers].flatMap(spellingsOf)), (some) =>
        everyone()
          .innerJoin('user_identifiers', 'user_identifiers.user_id', 'users.id')
          .selectAll('users')
          .where('identifier', 'in', some)
          .execute(),
      )
      const held = await heldBy(rows.map(({ id }) => id))
      return rows.map((row) => ({
        user: toUser(row),
        passwordHash: row.password_hash ?? undefined,
        heldNames: held.get(row.id) ?? [],
      }))
    },

    /** Everybody; for what is done to the whole instance at once. */
    async list(): Promise<User[]> {
      return (await everyone().selectAll().orderBy('login').execute()).map(toUser)
    },

    /** The next users in the order of their login. */
    page: async (query: PageQuery): Promise<User[]> => (await pageByName(db, 'users', query)).map(toUser),

    /** The next users, the newest first. */
    newest: (query: NewestQuery): Promise<FoundUsers> => newestUsers(db, query),

    loginsOf: (ids: Iterable<string>): Promise<Map<string, string>> => loginsOf(db, ids),

    near: (name: string): Promise<string[]> => usersNear(db, name),

    /** The logins of some System Users that are enabled. */
    async someSystemUsers(limit: number): Promise<string[]> {
      const rows = await everyone()
        .select('login')
        .where('type', '=', 'SystemUserNoLogin')
        .where('is_enabled', '=', 1)
        .orderBy('login')
        .limit(limit)
        .execute()
      return rows.map(({ login }) => login)
    },

    /** Whether any of these names belongs to an account already. */
    async taken(identifiers: readonly string[]): Promise<boolean> {
      const found = await db
        .selectFrom('user_identifiers')
        .select('identifier')
        .where('identifier', 'in', identifiers.flatMap(spellingsOf))
        .executeTakeFirst()
      return found !== undefined
    },

    /** Those whose names are spelled like another account's; for what examines the whole instance. */
    spelledAlike: (): Promise<SpelledAlike[]> => spelledAlike(db),

    /** The ids of administrators who can sign in and administer, some of them. */
    async administrators(most: number): Promise<string[]> {
      const found = await everyone()
        .select('id')
        .where('is_admin', '=', 1)
        .where('is_enabled', '=', 1)
        .where('type', '=', 'InternalUser' satisfies UserType)
        .where('password_hash', 'is not', null)
        .limit(most)
        .execute()
      return found.map(({ id }) => id)
    },

    async add(user: NewUser, passwordHash: string | undefined, now: number): Promise<User> {
      const added = newUserRecord(user, user.id ?? newId(), now)
      await db
        .insertInto('users')
        .values(toUserRow({ user: added, passwordHash }))
        .execute()
      await claimIdentifiers(added)
      return added
    },

    /** Stores changed details; login, type, password and state have ways of their own. */
    async update(user: Pick<User, 'id' | 'login'> & UserDetails, now: number): Promise<void> {
      await db
        .updateTable('users')
        .set({
          name: user.name,
          email: user.email ?? null,
          email_verified: toFlag(user.emailVerified),
          locale: user.locale ?? null,
          profile: JSON.stringify(user.profile),
          is_admin: toFlag(user.isAdmin),
          updated_at: now,
        })
        .where('id', '=', user.id)
        .execute()
      const held = await heldBy([user.id])
      await db.deleteFrom('user_identifiers').where('user_id', '=', user.id).execute()
      await claimIdentifiers(user, held.get(user.id))
    },

    /** A new password ends everything that was issued under the old one. */
    async setPassword(id: string, passwordHash: string, now: number): Promise<void> {
      await db
        .updateTable('users')
        .set((eb) => ({ password_hash: passwordHash, epoch: eb('epoch', '+', 1), updated_at: now }))
        .where('id', '=', id)
        .execute()
      await noteSignOut(db, { users: [id] }, now)
      await noteEnding(db, { user: id }, now)
    },

    /** The same password under another hash, which ends nothing; not where there is another password by now. */
    async renewPasswordHash(id: string, before: string, after: string): Promise<void> {
      await db
        .updateTable('users')
        .set({ password_hash: after })
        .where('id', '=', id)
        .where('password_hash', '=', before)
        .execute()
    },

    /** The kill switch: disabling ends everything issued so far, and enabling again revives none of it. */
    async setEnabled(id: string, enabled: boolean, now: number): Promise<void> {
      await db
        .updateTable('users')
        .set((eb) => ({ is_enabled: toFlag(enabled), epoch: eb('epoch', '+', 1), updated_at: now }))
        .where('id', '=', id)
        .where('is_enabled', '=', toFlag(!enabled))
        .execute()
      if (!enabled) await noteSignOut(db, { users: [id] }, now)
      await noteEnding(db, { user: id }, now)
    },

    /** Those among these ids that were removed, and are free again once all that was issued for them is cleaned up. */
    beingRemoved: (ids: Iterable<string>): Promise<Set<string>> => beingRemoved(db, 'users', ids),

    remove(id: string, now: number): Promise<void> {
      return this.removeEach([id], now)
    },

    async removeEach(ids: readonly string[], now: number): Promise<void> {
      await inPortions(ids, async (some) => {
        const large = await thoseWithMuch(db, 'users', some)
        const small = some.filter((id) => !large.includes(id))
        await noteSignOut(db, { users: small }, now)
        await noteSignOut(db, { users: large }, now, FEW)
        if (small.length > 0) await db.deleteFrom('users').where('id', 'in', small).execute()
        await markRemoved(large, now)
        await noteEndings(
          db,
          some.map((user) => ({ user })),
          now,
        )
        return []
      })
    },
  }
}
