import type { RefusalRule } from '../domain/refusal-rule.ts'
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
  | { readonly user: undefined; readonly rule: RefusalRule; readonly cause: string; readonly userId?: string }

export type CheckPassword = ReturnType<typeof createCheckPassword>

/**
 * Proves a person by login and password. An unknown login takes as long as a wrong password.
 * @throws PasswordQueueFull when too many checks are waiting
 */
export function createCheckPassword({ users, passwords }: Dependencies) {
  return async function checkPassword(login: string, password: string): Promise<SignInResult> {
    // Nobody has such a password, and hashing it would cost the more the longer it is.
    if (password.length > LONGEST_PASSWORD) return { user: undefined, ...TOO_LONG }
    const account = await users.findByIdentifier(login)
    const right = await passwords.verify(account?.passwordHash, password)
    if (!account) return { user: undefined, ...NOBODY }
    const { user } = account
    const why = whyRefused(account, right)
    return why === undefined ? { user } : { user: undefined, ...why, userId: user.id }
  }
}

interface Why {
  readonly rule: RefusalRule
  readonly cause: string
}

const NOBODY: Why = { rule: 'person-unknown', cause: 'no account has this login or e-mail' }
const TOO_LONG: Why = { rule: 'password-wrong', cause: 'the password is too long to be one' }

function whyRefused(
  { user, passwordHash }: { readonly user: User; readonly passwordHash: string | undefined },
  rightPassword: boolean,
): Why | undefined {
  if (user.type === 'SystemUserNoLogin') return { rule: 'person-is-system-user', cause: 'a System User never signs in' }
  if (passwordHash === undefined) return { rule: 'person-without-password', cause: 'the account has no password' }
  if (!rightPassword) return { rule: 'password-wrong', cause: 'the password is wrong' }
  if (!user.isEnabled) return { rule: 'person-disabled', cause: 'the user is disabled' }
  return undefined
}
