import { LONGEST_PASSWORD, type User } from '../domain/user.ts'
import type { Passwords } from '../lib/passwords.ts'
import type { Users } from '../repositories/users.ts'

interface Dependencies {
  readonly users: Pick<Users, 'findByIdentifier'>
  readonly passwords: Pick<Passwords, 'verify'>
}

/** Who signed in, or why not; the reason is for the operator alone. */
export type SignInResult =
  | { readonly user: User }
  | { readonly user: undefined; readonly cause: string; readonly userId?: string }

export type CheckPassword = ReturnType<typeof createCheckPassword>

/**
 * Proves a person by login and password. An unknown login takes as long as a wrong password.
 * @throws PasswordQueueFull when too many checks are waiting
 */
export function createCheckPassword({ users, passwords }: Dependencies) {
  return async function checkPassword(login: string, password: string): Promise<SignInResult> {
    // Nobody has such a password, and hashing it would cost the more the longer it is.
    if (password.length > LONGEST_PASSWORD) return { user: undefined, cause: 'the password is too long to be one' }
    const account = await users.findByIdentifier(login)
    const right = await passwords.verify(account?.passwordHash, password)
    if (!account) return { user: undefined, cause: 'no account has this login or e-mail' }
    const { user } = account
    const cause = whyRefused(user, right)
    return cause === undefined ? { user } : { user: undefined, cause, userId: user.id }
  }
}

function whyRefused(user: User, rightPassword: boolean): string | undefined {
  if (user.type === 'SystemUserNoLogin') return 'a System User never signs in'
  if (!rightPassword) return 'the password is wrong'
  if (!user.isEnabled) return 'the user is disabled'
  return undefined
}
