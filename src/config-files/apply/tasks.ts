import { setAppSecrets } from '../../admin/apps/app-secrets.ts'
import { registerApp, setAppEnabled, updateApp } from '../../admin/apps/apps.ts'
import { findResource, storeResource } from '../../admin/apps/resources.ts'
import { asKept } from '../../admin/apps/validate-app.ts'
import { changeInstanceSettings } from '../../admin/change/instance-settings.ts'
import type { ChangeContext } from '../../admin/change/record-change.ts'
import { invalidChange } from '../../admin/change/refuse-change.ts'
import { findUser } from '../../admin/users/find-user.ts'
import { addUser, setUserEnabled, setUserPassword, updateUser } from '../../admin/users/users.ts'
import type { ApiResource } from '../../domain/access/api-resource.ts'
import { APP_ATTRIBUTES, showRegistration } from '../../domain/apps/app-attributes.ts'
import type { AppRegistration, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { fieldChanges } from '../../domain/records/field-changes.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import { nameOfAccount, type User } from '../../domain/users/user.ts'
import { showUser, userFaults } from '../../domain/users/user-attributes.ts'
import type { WantedApp } from '../read/read-app.ts'
import type { Wanted } from '../read/read-files.ts'
import type { FirstPassword, WantedUser } from '../read/read-user.ts'
import type { Fields, Unit } from '../schema/describe-instance.ts'
import type { Kind, Place } from '../schema/fault.ts'

/** Brings one record to what is wanted; doing it again changes nothing. */
export interface Task {
  readonly kind: Kind
  readonly id: string
  readonly placeOf: (attribute?: string) => Place
  /** @throws Refused */
  readonly run: (unit: Unit) => Promise<unknown>
  /** Gives up at once what the record will not keep, for others who wait for it. @returns whether there was anything */
  readonly giveWay?: (unit: Unit) => Promise<boolean>
}

export interface TaskContext {
  /** What is committed. */
  readonly read: Pick<Unit, 'users'>
  readonly context: ChangeContext
  readonly hashOf: (password: FirstPassword) => Promise<string>
}

/** What the files want, each thing after those it needs: an app needs its System User, and that one enabled. */
export function tasksFor({ resources, users, apps, settings }: Wanted, { read, context, hashOf }: TaskContext): Task[] {
  return [
    ...resources.map(({ record, resource }) => ({
      ...record,
      run: (unit: Unit) => ensureResource(unit, resource, context),
    })),
    ...users.map((user) => ({
      ...user.record,
      run: (unit: Unit) => ensureUser(unit, user, { read, context, hashOf }),
      giveWay: (unit: Unit) => releaseEmail(unit, user, context),
    })),
    ...apps.map((app) => ({ ...app.record, run: (unit: Unit) => ensureApp(unit, app, context) })),
    ...users
      .filter(({ isEnabled }) => isEnabled === false)
      .map((user) => ({ ...user.record, run: (unit: Unit) => disableUser(unit, user, context) })),
    ...settings.map(({ record, name, value }) => ({
      ...record,
      run: (unit: Unit) => changeInstanceSettings(unit, { [name]: value }, context),
    })),
  ]
}

/** An app names the APIs it uses and an API the apps that serve it: this half comes when both are there. */
export const linkingTasks = ({ resources }: Wanted, context: ChangeContext): Task[] =>
  resources.map(({ record, resource }) => ({ ...record, run: (unit) => nameServers(unit, resource, context) }))

const ID_STAYS =
  'who would be removed, and no other account gets the id of a person; leave the id out, or keep the login'

const NO_PASSWORD = 'a SystemUserNoLogin never signs in and has no password'

const differ = (before: Fields, after: Fields): boolean => Object.keys(fieldChanges(before, after)).length > 0

/** An account is found by its login alone: an e-mail that is somebody's login is a conflict, not them. */
export async function findAccount({ users }: Unit, login: string): Promise<User | undefined> {
  const user = (await users.findByIdentifier(login))?.user
  return user && nameOfAccount(user.login) === nameOfAccount(login) ? user : undefined
}

async function ensureResource(unit: Unit, wanted: ApiResource, context: ChangeContext): Promise<void> {
  const before = await findResource(unit, wanted.identifier)
  await storeResource(unit, { ...wanted, resourceServers: before?.resourceServers ?? [] }, context)
}

async function nameServers(
  unit: Unit,
  { identifier, resourceServers }: ApiResource,
  context: ChangeContext,
): Promise<void> {
  const stored = await findResource(unit, identifier)
  // One that could not be added has its fault already.
  if (stored) await storeResource(unit, { ...stored, resourceServers }, context)
}

async function ensureUser(unit: Unit, wanted: WantedUser, { read, context, hashOf }: TaskContext): Promise<void> {
  const { user, type, isEnabled, password } = wanted
  const before = await findAccount(unit, user.login)
  const faults = before ? whatCannotChange(before, wanted) : await whyIdIsTaken(unit, read, user)
  if (faults.length > 0) {
    throw invalidChange([...faults, ...userFaults({ type: 'InternalUser', ...user }, context.now)])
  }
  if (before) {
    const after = { ...before, ...wanted.detailsOf(before.login) }
    if (differ(showUser(before), showUser(after))) await updateUser(unit, after, context)
    if (isEnabled === true) await setUserEnabled(unit, before.id, true, context)
    await giveFirstPassword(unit, before, password && (await hashOf(password)), context)
    return
  }
  await addUser(
    unit,
    { type: 'InternalUser', ...user, ...(type && { type }) },
    password && (await hashOf(password)),
    context,
  )
}

async function releaseEmail(unit: Unit, { user }: WantedUser, context: ChangeContext): Promise<boolean> {
  const before = await findAccount(unit, user.login)
  const isKept = user.email !== undefined && before?.email === user.email
  if (before?.email === undefined || isKept) return false
  await updateUser(unit, { ...before, email: undefined, emailVerified: false }, context)
  return true
}

/** A password that exists is its owner's and stays. */
async function giveFirstPassword(
  unit: Unit,
  user: User,
  hash: string | undefined,
  context: ChangeContext,
): Promise<void> {
  if (hash === undefined || (await unit.users.findByIdentifier(user.login))?.passwordHash !== undefined) return
  await setUserPassword(unit, user, hash, context)
}

function whatCannotChange(before: User, { user, type, password }: WantedUser): Fault[] {
  const reason = (value: string): string => `is ${value} and can never change`
  return [
    ...(type === undefined || type === before.type ? [] : [{ attribute: 'type', reason: reason(before.type) }]),
    ...(password && before.type === 'SystemUserNoLogin'
      ? [{ attribute: 'clear' in password ? 'password' : 'passwordHash', reason: NO_PASSWORD }]
      : []),
    ...(user.id === undefined || user.id === before.id ? [] : [{ attribute: 'id', reason: reason(before.id) }]),
  ]
}

const IS_LEAVING =
  'belonged to somebody who was removed, and whose tokens the server is still cleaning up; try again in a few minutes'

/** A `sub` is never reassigned: the id of somebody whom the same files remove is not free either. @see OpenID Connect Core §2 */
async function whyIdIsTaken(unit: Unit, read: TaskContext['read'], { id }: WantedUser['user']): Promise<Fault[]> {
  if (id === undefined) return []
  const owner = await unit.users.find(id)
  if (owner) return [{ attribute: 'id', reason: `belongs to ${owner.login} already` }]
  const removed = await read.users.find(id)
  if (removed) return [{ attribute: 'id', reason: `belongs to ${removed.login}, ${ID_STAYS}` }]
  const isLeaving = (await read.users.beingRemoved([id])).has(id)
  return isLeaving ? [{ attribute: 'id', reason: IS_LEAVING }] : []
}

async function disableUser(unit: Unit, { user }: WantedUser, context: ChangeContext): Promise<void> {
  const found = await findAccount(unit, user.login)
  // One that could not be added has its fault already.
  if (found) await setUserEnabled(unit, found.id, false, context)
}

async function ensureApp(unit: Unit, wanted: WantedApp, context: ChangeContext): Promise<void> {
  const { isEnabled, secrets } = wanted
  const { applicationUri } = wanted.registration
  const before = await unit.apps.find(applicationUri)
  const selfRegistered = wanted.selfRegistered ?? before?.selfRegistered ?? false
  const registration = { ...asKept(wanted.registration), ...(before && unsaid(before, wanted)), selfRegistered }
  if (!before) await registerApp(unit, registration, context)
  else if (await wantsChange(unit, before, registration)) await updateApp(unit, registration, context)
  if (secrets !== undefined) await setAppSecrets(unit, applicationUri, secrets, context)
  if (isEnabled !== undefined) await setAppEnabled(unit, applicationUri, isEnabled, context)
}

/** What stays of a record because the file does not say it. */
const unsaid = (before: TrustedApplication, { asked }: WantedApp): Partial<AppRegistration> =>
  Object.fromEntries(
    APP_ATTRIBUTES.filter(({ staysUnsaid, key }) => staysUnsaid && !(key in asked)).map(({ key }) => [
      key,
      before[key],
    ]),
  )

/** A record that stays as it is is not checked again: its System User may be disabled by now. */
async function wantsChange({ users }: Unit, before: TrustedApplication, wanted: AppRegistration): Promise<boolean> {
  const user = wanted.systemUser === undefined ? undefined : await findUser(users, wanted.systemUser)
  const resolved = { ...wanted, systemUser: user?.id ?? wanted.systemUser }
  return differ(showRegistration(before), showRegistration(resolved))
}
