import type { User } from '../../domain/users/user.ts'
import type { Repositories } from '../../store/store.ts'
import type { ChangeContext } from '../change/record-change.ts'
import { conflict } from '../change/refuse-change.ts'

/**
 * Keeps the last administrator who can sign in, whoever wants them to go; only at the machine itself is it possible.
 * @throws Refused `conflict`
 */
export async function requireAnotherAdministrator(
  { users }: Pick<Repositories, 'users'>,
  leaving: User,
  { atTheMachine }: Pick<ChangeContext, 'atTheMachine'>,
): Promise<void> {
  if (!leaving.isAdmin || atTheMachine) return
  const [first, another] = await users.administrators(2)
  // Somebody who cannot sign in leaves no less than there was.
  if (first !== leaving.id || another !== undefined) return
  const reason = `${leaving.login} is the last administrator; make another user an administrator first`
  throw conflict([{ attribute: 'isAdmin', reason }])
}

/** What a change has left, and whether it took the last administrator who could sign in. */
export interface Left<T> {
  readonly result: T
  readonly leftNone: boolean
}

/** Makes a change at the machine, where nobody keeps the last administrator. */
export async function watchAdministrators<T>(
  { users }: Pick<Repositories, 'users'>,
  change: () => Promise<T>,
): Promise<Left<T>> {
  const before = await users.administrators(1)
  const result = await change()
  return { result, leftNone: before.length > 0 && (await users.administrators(1)).length === 0 }
}

export const NO_ADMINISTRATOR =
  'no administrator is left who can sign in; appoint one with: tessera user update LOGIN --admin'
