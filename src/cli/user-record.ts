import type { User } from '../domain/user.ts'
import { block, isoTime } from './output.ts'

/** A user as commands print it; never a password or its hash. */
export const userRecord = ({ profile, epoch, ...user }: User) => ({
  id: user.id,
  login: user.login,
  type: user.type,
  name: user.name,
  email: user.email ?? null,
  emailVerified: user.emailVerified,
  givenName: profile.givenName ?? null,
  familyName: profile.familyName ?? null,
  phoneNumber: profile.phoneNumber ?? null,
  locale: user.locale ?? null,
  isAdmin: user.isAdmin,
  isEnabled: user.isEnabled,
  createdAt: isoTime(user.createdAt),
  updatedAt: isoTime(user.updatedAt),
})

/** The same for people. */
export const userText = (record: Readonly<Record<string, string | boolean | null>>): string =>
  block(Object.entries(record).map(([name, value]) => [name, value === null ? '' : String(value)]))
