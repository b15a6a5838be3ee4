import type { User } from '../domain/user.ts'
import type { Users } from '../repositories/users.ts'
import { impossible } from './problem.ts'

type Look = Pick<Users, 'find' | 'findByIdentifier'>

/** Finds a user by id, login or e-mail, the latter two in any of their spellings. */
export async function findUser(users: Look, name: string): Promise<User | undefined> {
  return (await users.find(name.toLowerCase())) ?? (await users.findByIdentifier(name))?.user
}

/** @throws Problem when nobody has that name */
export async function requireUser(users: Look, name: string): Promise<User> {
  const user = await findUser(users, name)
  if (!user)
    throw impossible(`nobody has the login, e-mail or id ${JSON.stringify(name)}; tessera user list shows everybody`)
  return user
}
