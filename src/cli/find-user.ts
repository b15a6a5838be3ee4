import { didYouMean } from '../domain/nearest.ts'
import type { User } from '../domain/user.ts'
import type { Users } from '../repositories/users.ts'
import { impossible } from './problem.ts'

type Look = Pick<Users, 'find' | 'findByIdentifier'>

/** Finds a user by id, login or e-mail, the latter two in any of their spellings. */
export async function findUser(users: Look, name: string): Promise<User | undefined> {
  return (await users.find(name.toLowerCase())) ?? (await users.findByIdentifier(name))?.user
}

/** Asks whether somebody of a similar login or e-mail was meant. */
export async function similarUser(users: Pick<Users, 'list'>, name: string): Promise<string> {
  const everybody = await users.list()
  return didYouMean(
    name,
    everybody.flatMap(({ login, email }) => [login, email ?? login]),
  )
}

/** @throws Problem when nobody has that name */
export async function requireUser(users: Look & Pick<Users, 'list'>, name: string): Promise<User> {
  const user = await findUser(users, name)
  if (user) return user
  const similar = (await similarUser(users, name)) || '; tessera user list shows everybody'
  throw impossible(`nobody has the login, e-mail or id ${JSON.stringify(name)}${similar}`)
}
