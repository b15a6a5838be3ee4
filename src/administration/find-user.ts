import type { User } from '../domain/user.ts'
import type { Users } from '../repositories/users.ts'

/** Finds a user by login or e-mail in any spelling, or by id. */
export async function findUser(
  users: Pick<Users, 'find' | 'findByIdentifier'>,
  name: string,
): Promise<User | undefined> {
  return (await users.findByIdentifier(name))?.user ?? (await users.find(name))
}
