import { invalidChange } from '../../admin/change/refuse-change.ts'
import { nameOfAccount } from '../../domain/users/user.ts'
import type { Passwords } from '../../lib/crypto/passwords.ts'
import { shellWord } from '../../lib/text/shell.ts'
import type { Repositories } from '../../store/store.ts'
import type { Wanted } from '../read/read-files.ts'
import type { FirstPassword } from '../read/read-user.ts'

type Users = Pick<Repositories['users'], 'findByIdentifier'>

/** Passwords of the files, made ready before the transaction. */
export interface FirstPasswords {
  readonly hashOf: (password: FirstPassword) => Promise<string>
  /** One sentence for each password that is another than the one the account has. */
  readonly warnings: readonly string[]
}

interface Preparation {
  readonly read: { readonly users: Users }
  readonly passwords: Passwords
  readonly dryRun: boolean
  readonly goOn?: (() => void) | undefined
  readonly mostPasswords?: number | undefined
}

/** An account is found by its login alone, never by an e-mail. */
async function findAccount(users: Users, login: string) {
  const account = await users.findByIdentifier(login)
  return account && nameOfAccount(account.user.login) === nameOfAccount(login) ? account : undefined
}

/**
 * Hashes and compares before the transaction, which would keep others from writing in the meantime.
 * @throws Refused `invalid_change` for more passwords than may be
 */
export async function prepareFirstPasswords(
  { users }: Wanted,
  { read, passwords, dryRun, goOn, mostPasswords = Number.POSITIVE_INFINITY }: Preparation,
): Promise<FirstPasswords> {
  requireFewPasswords(users, mostPasswords)
  const hashes = new Map<FirstPassword, string>()
  const warnings: string[] = []
  for (const { user, password } of users) {
    if (!password) continue
    goOn?.()
    const known = (await findAccount(read.users, user.login))?.passwordHash
    if (known === undefined) {
      if (!dryRun && 'clear' in password) hashes.set(password, await passwords.hash(password.clear))
    } else if (!(await isSame(password, known, passwords))) warnings.push(ignored(user.login))
  }
  return {
    warnings,
    async hashOf(password) {
      if ('hash' in password) return password.hash
      // Nobody ever signs in with what a dry run stores.
      return hashes.get(password) ?? (dryRun ? '-' : passwords.hash(password.clear))
    },
  }
}

/** A plan compares them, and applying hashes them: a moment of the machine for each, in which nobody else signs in. */
function requireFewPasswords(users: Wanted['users'], most: number): void {
  const count = users.filter(({ password }) => password && 'clear' in password).length
  if (count <= most) return
  const reason = `hold ${count} passwords, and one request may hold ${most}: give argon2id hashes as passwordHash, or use tessera apply`
  throw invalidChange([{ attribute: 'files', reason }])
}

/** A hash of another cost is made anew by a sign-in, and cannot be compared from then on. */
const isSame = async (password: FirstPassword, known: string, { verify, isOfOtherCost }: Passwords) =>
  'hash' in password
    ? password.hash === known || (isOfOtherCost(password.hash) && !isOfOtherCost(known))
    : (await verify(known, password.clear)).isRight

const ignored = (login: string): string =>
  `${login}: the password is ignored, as the account already has another one; to change it: tessera user set-password ${shellWord(login)}`
