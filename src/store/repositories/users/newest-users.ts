import type { Kysely } from 'kysely'
import type { PageQuery } from '../../../domain/records/paging.ts'
import type { TimeKey } from '../../../domain/records/time-key.ts'
import { canonicalIdentifier, type User } from '../../../domain/users/user.ts'
import type { Schema } from '../../schema/schema.ts'
import { SLICE } from '../instance/slices.ts'
import { toUser } from './user-rows.ts'

/** Which users are wanted; `like` is a text that login, name or e-mail holds, in any of its spellings. */
export type NewestQuery = Omit<PageQuery, 'after'> & { readonly after?: TimeKey | undefined }

// Asked for from the very beginning, too, so that it is the index in this order that is read.
const AFTER_ALL: TimeKey = { at: Number.MAX_SAFE_INTEGER, id: '~' }

/** Users that were found, and up to whom a long list was looked through where that is not its end. */
export interface FoundUsers {
  readonly users: User[]
  readonly lookedUpTo?: TimeKey
}

/** The next users, the newest first; what no index knows is looked for among the next thousand. */
export async function newestUsers(db: Kysely<Schema>, query: NewestQuery): Promise<FoundUsers> {
  const { after, limit, isEnabled, like } = query
  if (isEnabled !== undefined || like !== undefined) return searchUsers(db, query)
  return { users: (await newestFirst(db, after).selectAll().limit(limit).execute()).map(toUser) }
}

const newestFirst = (db: Kysely<Schema>, { at, id } = AFTER_ALL) =>
  db
    .selectFrom('users')
    .where('removed_at', 'is', null)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('created_at', 'id'), '<', tuple(eb.val(at), eb.val(id))))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')

/** This is looked through here, as no two databases agree on what letters are the same in another case. */
async function searchUsers(
  db: Kysely<Schema>,
  { after, limit, isEnabled, like = '' }: NewestQuery,
): Promise<FoundUsers> {
  const wanted = canonicalIdentifier(like)
  const holds = (text: string | null): boolean => text !== null && canonicalIdentifier(text).includes(wanted)
  const slice = await newestFirst(db, after)
    .select(['id', 'login', 'name', 'email', 'is_enabled', 'created_at'])
    .limit(SLICE)
    .execute()
  const found = slice.filter(({ login, name, email, is_enabled }) => {
    const isInState = isEnabled === undefined || (is_enabled === 1) === isEnabled
    return isInState && (holds(login) || holds(name) || holds(email))
  })
  const users = await usersInOrder(
    db,
    found.slice(0, limit).map(({ id }) => id),
  )
  const last = slice.at(-1)
  if (slice.length < SLICE || last === undefined) return { users }
  return { users, lookedUpTo: { at: last.created_at, id: last.id } }
}

async function usersInOrder(db: Kysely<Schema>, ids: readonly string[]): Promise<User[]> {
  if (ids.length === 0) return []
  const rows = await db.selectFrom('users').selectAll().where('removed_at', 'is', null).where('id', 'in', ids).execute()
  return rows.map(toUser).sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id))
}
