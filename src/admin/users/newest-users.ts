import type { Page, PageQuery } from '../../domain/records/paging.ts'
import { readTimeKey, timeKeyOf } from '../../domain/records/time-key.ts'
import type { User } from '../../domain/users/user.ts'
import type { Repositories } from '../../store/store.ts'

/**
 * The next users, the newest first; `like` is a part of login, name or e-mail. A page of such a search may hold fewer than asked for, even
 * none, and still have a next one: each looks through a thousand users at most.
 */
export async function readNewestUsers({ users }: Pick<Repositories, 'users'>, query: PageQuery): Promise<Page<User>> {
  const { after, limit, ...wanted } = query
  const from = after === undefined ? undefined : readTimeKey(after)
  const { users: found, lookedUpTo } = await users.newest({ ...wanted, limit: limit + 1, after: from })
  const items = found.slice(0, limit)
  const last = items.at(-1)
  if (found.length > limit && last !== undefined) return { items, next: keyOfUser(last) }
  return { items, next: lookedUpTo && timeKeyOf(lookedUpTo) }
}

/** The place of a user in that list. */
export const keyOfUser = ({ createdAt: at, id }: Pick<User, 'createdAt' | 'id'>): string => timeKeyOf({ at, id })
