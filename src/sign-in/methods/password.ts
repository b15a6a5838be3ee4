import { ACR_PASSWORD } from '../../domain/protocol/acr.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import { LONGEST_PASSWORD, type User } from '../../domain/users/user.ts'
import { PasswordQueueFull, type Passwords } from '../../lib/crypto/passwords.ts'
import { lengthOfPassword } from '../../lib/text/password-spelling.ts'
import type { Users } from '../../store/repositories/users/users.ts'
import type { Write } from '../../store/store.ts'
import type { Origin, SignInThrottle } from '../throttle/throttle.ts'
import type { SignInMethod, SignInResult } from './registry.ts'

interface Dependencies {
  readonly users: Pick<Users, 'findByIdentifier'>
  readonly write: Write<'users'>
  readonly passwords: Passwords
  readonly throttle: SignInThrottle
}

// As many as are checked at once and may wait for it: whoever is not let in costs neither a hash nor a row.
const MOST_AT_ONCE = 66

/**
 * Signing in with login and password, the fields `username` and `password`.
 * @throws PasswordQueueFull when too many checks are waiting
 */
export function createPasswordMethod(dependencies: Dependencies): SignInMethod {
  const checkPassword = createCheckPassword(dependencies)
  return {
    name: 'password',
    amr: ['pwd'],
    acr: ACR_PASSWORD,
    verify: (sent, origin) => checkPassword(sent.get('username') ?? '', sent.get('password') ?? '', origin),
  }
}

/**
 * Tells who somebody is by login and password. An unknown login takes as long as a wrong password.
 * @throws PasswordQueueFull when too many checks are waiting
 */
function createCheckPassword({ users, write, passwords, throttle }: Dependencies) {
  let atOnce = 0

  async function check(login: string, password: string, origin: Origin): Promise<SignInResult> {
    const account = await users.findByIdentifier(login)
    const admission = await throttle.admit(login, account?.user, origin)
    if (!admission.admitted) {
      const { until, by } = admission
      const why = by === 'name' ? TOO_MANY_WITH_NAME : TOO_MANY_FROM_NETWORK
      return { user: undefined, ...why, userId: account?.user.id, until }
    }
    const { locks } = admission
    const { isRight, isCurrent } = await passwords.verify(account?.passwordHash, password)
    if (!account) return { user: undefined, ...NOBODY, locks }
    const { user } = account
    const why = admission.lockedOut ? LOCKED : whyRefused(account, isRight)
    if (why !== undefined) return { user: undefined, ...why, userId: user.id, locks }
    await throttle.succeed(user, admission)
    if (!isCurrent) await renewHash(user, account.passwordHash, password)
    return { user }
  }

  /**
   * Gives a password one of our hashes where it came with one of another cost, by whose time its name could be told from others, or
   * with one of another spelling.
   */
  async function renewHash({ id }: User, before: string | undefined, password: string): Promise<void> {
    if (before === undefined) return
    try {
      const after = await passwords.hash(password)
      await write(({ users }) => users.renewPasswordHash(id, before, after))
    } catch (error) {
      // There is a next time.
      if (!(error instanceof PasswordQueueFull)) throw error
    }
  }

  return async function checkPassword(login: string, password: string, origin: Origin): Promise<SignInResult> {
    // Nobody has such a password, and hashing it would cost the more the longer it is.
    if (lengthOfPassword(password) > LONGEST_PASSWORD) return { user: undefined, ...TOO_LONG }
    if (atOnce >= MOST_AT_ONCE) throw new PasswordQueueFull('too many password checks are queued')
    atOnce += 1
    try {
      return await check(login, password, origin)
    } finally {
      atOnce -= 1
    }
  }
}

interface Why {
  readonly rule: RefusalRule
  readonly cause: string
}

const NOBODY: Why = { rule: 'person-unknown', cause: 'no account has this login or e-mail' }
const TOO_LONG: Why = { rule: 'password-wrong', cause: 'the password is too long' }
const TOO_MANY_WITH_NAME: Why = { rule: 'sign-in-throttled', cause: 'too many sign-ins with this name have failed' }
const TOO_MANY_FROM_NETWORK: Why = {
  rule: 'too-many-requests',
  cause: 'too many sign-ins from this address have failed (TESSERA_LIMIT_SIGN_IN)',
}
const LOCKED: Why = { rule: 'person-locked', cause: 'the account is locked: too many sign-ins in a row have failed' }

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
