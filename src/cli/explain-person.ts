import { findUser } from '../administration/find-user.ts'
import { requireAdmitted } from '../authorize/interaction.ts'
import { OAuthError } from '../domain/errors.ts'
import type { TrustedApplication } from '../domain/trusted-application.ts'
import type { User } from '../domain/user.ts'
import type { Repositories } from '../repositories/store.ts'
import type { NoteTaking } from './explain-notes.ts'

/** The names of the checks about the person, in the order they are made. */
export const PERSON_CHECKS = ['user', 'admission'] as const

const [USER, ADMISSION] = PERSON_CHECKS

/** Checks whether somebody may sign in through the app for this scope; nobody named, nobody judged. */
export async function checkPerson(
  name: string | undefined,
  request: { readonly app: TrustedApplication; readonly scope: readonly string[] },
  { users }: Pick<Repositories, 'users'>,
  { follow, note }: NoteTaking,
): Promise<User | undefined> {
  if (name === undefined) {
    for (const check of PERSON_CHECKS) note(check, null, 'not checked; --user names the person')
    return undefined
  }
  const user = await follow(USER, () => requireAccount(name, users))
  await follow(ADMISSION, () => requireAdmitted(request, user))
  return user
}

async function requireAccount(name: string, users: Repositories['users']): Promise<User> {
  const user = await findUser(users, name)
  const refuse = (cause: string): OAuthError =>
    new OAuthError('access_denied', 'the person cannot sign in', { rule: 'person-not-admitted', cause, sent: name })
  if (!user) throw refuse('no account has this login or e-mail')
  if (!user.isEnabled) throw refuse('the user is disabled')
  return user
}
