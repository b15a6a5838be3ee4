import type { Selectable } from 'kysely'
import type { Account } from '../../../domain/instance/staged-records.ts'
import { identifiersOf, type User, type UserProfile, type UserType } from '../../../domain/users/user.ts'
import { newUserRecord } from '../../../domain/users/user-record.ts'
import { toFlag } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'

type Row = Selectable<Schema['users']>

/** The row of a user. */
export const toUserRow = ({ user, passwordHash }: Account): Row => ({
  id: user.id,
  login: user.login,
  type: user.type,
  password_hash: passwordHash ?? null,
  name: user.name,
  email: user.email ?? null,
  email_verified: toFlag(user.emailVerified),
  locale: user.locale ?? null,
  profile: JSON.stringify(user.profile),
  is_admin: toFlag(user.isAdmin),
  is_enabled: toFlag(user.isEnabled),
  epoch: user.epoch,
  created_at: user.createdAt,
  updated_at: user.updatedAt,
  removed_at: null,
  grants_epoch: 0,
})

/** What a user is found by. @param held what already */
export const identifierRows = (user: Pick<User, 'id' | 'login' | 'email'>, held: readonly string[] = []) =>
  identifiersOf(user, held).map((identifier) => ({ identifier, user_id: user.id }))

export const toUser = (row: Row): User => ({
  id: row.id,
  login: row.login,
  type: row.type as UserType,
  name: row.name,
  email: row.email ?? undefined,
  emailVerified: row.email_verified === 1,
  locale: row.locale ?? undefined,
  profile: JSON.parse(row.profile) as UserProfile,
  isAdmin: row.is_admin === 1,
  isEnabled: row.is_enabled === 1,
  epoch: row.epoch,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

/** What is kept of somebody who was removed: their id, so that it goes to nobody else. */
export const nobodyOf = (id: string, now: number): User => ({
  ...newUserRecord({ login: `removed:${id}`, type: 'InternalUser' }, id, now),
  isEnabled: false,
})
