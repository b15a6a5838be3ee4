import type { User } from '../domain/user.ts'
import type { Repositories } from '../repositories/store.ts'
import { ChangeRefused } from './fault.ts'
import type { By } from './record-change.ts'

/**
 * Keeps the last administrator from taking that away from themselves; the command line and apps that administer still can.
 * @throws ChangeRefused `conflict`
 */
export async function requireAnotherAdministrator(
  { users }: Pick<Repositories, 'users'>,
  leaving: User,
  { actor }: By,
): Promise<void> {
  if (!leaving.isAdmin || actor !== `user:${leaving.id}`) return
  if (await users.hasAdministratorBeside(leaving.id)) return
  const reason = `${leaving.login} is the last administrator; make somebody else one first`
  throw new ChangeRefused('conflict', [{ attribute: 'isAdmin', reason }])
}
