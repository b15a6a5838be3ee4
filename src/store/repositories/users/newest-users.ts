import { setImmediate as nextTurn } from 'node:timers/promises'
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

/** The next users, the newest first. */
export async function newestUsers(db: Kysely<Schema>, query: NewestQuery): Promise<User[]> {
  const { after, limit, isEnabled, like } = query
  if (isEnabled !== undefined || like !== undefined) return searchUsers(db, query)
  return (await newestFirst(db, after).selectAll().limit(limit).execute()).map(toUser)
}

const newestFirst = (db: Kysely<Schema>, { at, id } = AFTER_ALL) =>
  db
    .selectFrom('users')
    .where('removed_at', 'is', null)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('created_at', 'id'), '<', tuple(eb.val(at), eb.val(id))))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')

/**
 * No index knows what texts hold, so they are looked through slice by slice, and everybody else has a turn in between. It is done
 * here, as no two databases agree on what letters are the same in another case.
 */
async function searchUsers(db: Kysely<Schema>, { after, limit, isEnabled, like = '' }: NewestQuery): Promise<User[]> {
  const wanted = canonicalIdentifier(like)
  const holds = (text: string | null): boolean => text !== null && canonicalIdentifier(text).includes(wanted)
  const found: string[] = []
  for (let from = after; found.length < limit; await nextTurn()) {
    const slice = await newestFirst(db, from)
      .select(['id', 'login', 'name', 'email', 'is_enabled', 'created_at'])
      .limit(SLICE)
      .execute()
    for (const { id, login, name, email, is_enabled } of slice) {
      const isWanted = isEnabled === undefined || (is_enabled === 1) === isEnabled
      if (isWanted && (holds(login) || holds(name) || holds(email))) found.push(id)
    }
    const last = slice.at(-1)
    if (slice.length < SLICE || last === undefined) break
    from = { at: last.created_at, id: last.id }
  }
  const ids = found.slice(0, limit)
  if (ids.length === 0) return []
  const rows = await db.selectFrom('users').selectAll().where('removed_at', 'is', null).where('id', 'in', ids).execute()
  return rows.map(toUser).sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id))
}
