import { didYouMean } from '../domain/nearest.ts'
import type { User } from '../domain/user.ts'
import type { Repositories } from '../repositories/store.ts'
import { ChangeRefused } from './fault.ts'

type Users = Pick<Repositories['users'], 'find' | 'findByIdentifier'>

/** Finds a user by id, login or e-mail, the latter two in any of their spellings. */
export async function findUser(users: Users, name: string): Promise<User | undefined> {
  return (await users.find(name.toLowerCase())) ?? (await users.findByIdentifier(name))?.user
}

/** Asks whether somebody of a similar login or e-mail was meant. */
export async function similarUser(users: Pick<Repositories['users'], 'list'>, name: string): Promise<string> {
  const everybody = await users.list()
  return didYouMean(
    name,
    everybody.flatMap(({ login, email }) => [login, email ?? login]),
  )
}

/** Finds a user by id, login or e-mail. @throws ChangeRefused `not found` */
export async function requireUser({ users }: Pick<Repositories, 'users'>, name: string): Promise<User> {
  const user = await findUser(users, name)
  if (user) return user
  const similar = (await similarUser(users, name)) || '; tessera user list shows everybody'
  const reason = `nobody has the login, e-mail or id ${JSON.stringify(name)}${similar}`
  throw new ChangeRefused('not found', [{ attribute: 'login', reason }])
}
