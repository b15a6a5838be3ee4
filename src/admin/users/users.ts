import { fieldChanges } from '../../domain/records/field-changes.ts'
import type { NewUser, User } from '../../domain/users/user.ts'
import { showUser, userFaults } from '../../domain/users/user-attributes.ts'
import type { Repositories } from '../../store/store.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { conflict, invalidChange } from '../change/refuse-change.ts'
import { requireUser } from './find-user.ts'
import { requireAnotherAdministrator } from './last-administrator.ts'

type Unit = Pick<Repositories, 'apps' | 'users' | 'signInAttempts' | 'auditEvents'>

/** Adds a user. @throws Refused */
export async function addUser(
  unit: Unit,
  wanted: NewUser,
  passwordHash: string | undefined,
  context: ChangeContext,
): Promise<User> {
  requireSound(wanted, context.now)
  await requireFree(unit, wanted, undefined)
  const user = await unit.users.add(wanted, passwordHash, context.now)
  const detail = { fields: fieldChanges({}, showUser(user)) }
  await recordChange(unit, { event: 'user_added', user: user.id, detail }, context)
  return user
}

/** Stores a changed user; login and type stay. @throws Refused */
export async function updateUser(unit: Unit, wanted: User, context: ChangeContext): Promise<User> {
  const before = await requireUser(unit, wanted.id)
  requireSound(wanted, context.now)
  await requireFree(unit, wanted, wanted.id)
  const fields = fieldChanges(showUser(before), showUser(wanted))
  if (Object.keys(fields).length === 0) return before
  if (!wanted.isAdmin) await requireAnotherAdministrator(unit, before, context)
  await unit.users.update(wanted, context.now)
  await recordChange(unit, { event: 'user_updated', user: wanted.id, detail: { fields } }, context)
  return requireUser(unit, wanted.id)
}

/** Gives a user a new password; everything issued under the old one ends, and failed attempts to sign in are forgotten. */
export async function setUserPassword(
  unit: Unit,
  user: User,
  passwordHash: string,
  context: ChangeContext,
): Promise<void> {
  await unit.users.setPassword(user.id, passwordHash, context.now)
  await unit.signInAttempts.forgetUser(user.id)
  await recordChange(unit, { event: 'user_password_set', user: user.id }, context)
}

/** Lets a person sign in again who was locked out by failed attempts. @returns whether anything was counted against them */
export async function unlockUser(unit: Unit, user: User, context: ChangeContext): Promise<boolean> {
  if ((await unit.signInAttempts.forgetUser(user.id)) === 0) return false
  await recordChange(unit, { event: 'user_unlocked', user: user.id }, context)
  return true
}

/** The kill switch of a user. @throws Refused */
export async function setUserEnabled(unit: Unit, id: string, enabled: boolean, context: ChangeContext): Promise<User> {
  const before = await requireUser(unit, id)
  if (before.isEnabled === enabled) return before
  if (!enabled) await requireAnotherAdministrator(unit, before, context)
  await unit.users.setEnabled(id, enabled, context.now)
  await recordChange(unit, { event: enabled ? 'user_enabled' : 'user_disabled', user: id }, context)
  return requireUser(unit, id)
}

/** Forgets a user with their sessions, consents and tokens. @throws Refused when apps act as them */
export async function removeUser(unit: Unit, id: string, context: ChangeContext): Promise<void> {
  const user = await requireUser(unit, id)
  await requireAnotherAdministrator(unit, user, context)
  const apps = await appsActingAs(unit, id)
  if (apps.length > 0) {
    const reason = `${user.login} is the System User of ${apps.join(', ')}; remove or update that app first`
    throw conflict([{ attribute: 'SystemUser', reason }])
  }
  await unit.users.remove(id, context.now)
  const detail = { fields: fieldChanges(showUser(user), {}) }
  await recordChange(unit, { event: 'user_removed', user: id, detail }, context)
}

/** The apps that cannot work without this System User. */
export const appsActingAs = ({ apps }: Pick<Unit, 'apps'>, id: string): Promise<string[]> => apps.actingAs(id)

function requireSound(user: NewUser, now: number): void {
  const faults = userFaults(user, now)
  if (faults.length > 0) throw invalidChange(faults)
}

/** Logins and e-mails share one namespace; letter case and Unicode spelling do not count. */
async function requireFree({ users }: Unit, user: NewUser, own: string | undefined): Promise<void> {
  for (const [attribute, name] of [['login', user.login] as const, ['email', user.email] as const]) {
    const owner = name === undefined ? undefined : (await users.findByIdentifier(name))?.user
    if (!owner || owner.id === own) continue
    const whose = owner.login === name ? '' : ` by ${owner.login}; letter case and Unicode form do not matter`
    const reason = `${name} is taken${whose}`
    throw conflict([{ attribute, reason }])
  }
}
