import type { User } from '../../domain/users/user.ts'
import type { Repositories } from '../../store/store.ts'
import { notThere } from '../change/refuse-change.ts'

type Users = Pick<Repositories['users'], 'find' | 'findByIdentifier'>

/** Finds a user by id, login or e-mail, the latter two in any of their spellings. */
export async function findUser(users: Users, name: string): Promise<User | undefined> {
  return (await users.find(name.toLowerCase())) ?? (await users.findByIdentifier(name))?.user
}

/** Finds a user by id, login or e-mail. @throws Refused `not_found` */
export async function requireUser({ users }: { readonly users: Users }, name: string): Promise<User> {
  const user = await findUser(users, name)
  if (user) return user
  const reason = `no user has the login, e-mail or id ${JSON.stringify(name)}`
  throw notThere([{ attribute: 'login', reason }], { kind: 'user', name })
}
