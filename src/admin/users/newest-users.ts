import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import { readTimeKey, timeKeyOf } from '../../domain/records/time-key.ts'
import type { User } from '../../domain/users/user.ts'
import type { Repositories } from '../../store/store.ts'

/** The next users, the newest first; `like` is a part of login, name or e-mail. */
export const readNewestUsers = ({ users }: Pick<Repositories, 'users'>, query: PageQuery): Promise<Page<User>> =>
  readPage(
    query,
    ({ after, ...wanted }) => users.newest({ ...wanted, after: after === undefined ? undefined : readTimeKey(after) }),
    keyOfUser,
  )

/** The place of a user in that list. */
export const keyOfUser = ({ createdAt: at, id }: Pick<User, 'createdAt' | 'id'>): string => timeKeyOf({ at, id })
