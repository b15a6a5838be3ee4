import { findUser } from '../../admin/users/find-user.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import type { User } from '../../domain/users/user.ts'
import { type AskedOfPerson, requireAdmitted } from '../../oauth/authorize/interaction.ts'
import type { Repositories } from '../../store/store.ts'
import type { NoteTaking } from './trial.ts'

/** The names of the checks about the person, in the order they are made. */
export const PERSON_CHECKS = ['user', 'admission'] as const

const [USER, ADMISSION] = PERSON_CHECKS

/** Checks whether somebody may sign in through the app for this scope; nobody named, nobody checked. */
export async function checkPerson(
  name: string | undefined,
  request: AskedOfPerson,
  { users }: Pick<Repositories, 'users'>,
  { runCheck, note }: NoteTaking,
): Promise<User | undefined> {
  if (name === undefined) {
    for (const check of PERSON_CHECKS) note(check, null, 'not checked; --user names the person')
    return undefined
  }
  const user = await runCheck(USER, () => requireAccount(name, users))
  await runCheck(ADMISSION, () => requireAdmitted(request, user))
  return user
}

async function requireAccount(name: string, users: Repositories['users']): Promise<User> {
  const user = await findUser(users, name)
  const refuse = (rule: RefusalRule, cause: string): Refused =>
    new Refused('access_denied', 'the person cannot sign in', { rule, cause, sent: name, user: user?.id })
  if (!user) throw refuse('person-unknown', 'no account has this login, e-mail or id')
  if (!user.isEnabled) throw refuse('person-disabled', `the account ${user.login} is disabled`)
  const { passwordHash } = (await users.findByIdentifier(user.login)) ?? {}
  if (user.type !== 'SystemUserNoLogin' && passwordHash === undefined)
    throw refuse('person-without-password', `the account ${user.login} has no password`)
  return user
}
