import { readInstanceSettings } from '../../admin/change/instance-settings.ts'
import { showResource } from '../../domain/access/api-resource.ts'
import { nameOfAccount } from '../../domain/users/user.ts'
import type { Wanted } from '../read/read-files.ts'
import { type Description, describeApp, describeUser, type Fields, type Unit } from '../schema/describe-instance.ts'
import type { Was } from '../stage/later.ts'
import type { StagedUnit } from '../stage/staged-unit.ts'
import { type Change, changesBetween } from './changes.ts'

type Side = keyof Was<unknown>

/**
 * What becomes of the records that were looked at.
 * @param read what is committed
 * @param now milliseconds since 1970
 */
export async function stagedChanges(
  staged: StagedUnit,
  read: Unit,
  { users }: Pick<Wanted, 'users'>,
  now: number,
): Promise<Change[]> {
  const loginOf = await loginsOf(staged, read)
  const named = new Set(
    users.filter(({ password }) => password !== undefined).map(({ user }) => nameOfAccount(user.login)),
  )
  const resources = await staged.apis.looked()
  const describe = async (side: Side): Promise<Description> => ({
    resource: inOrder(resources.map((was) => was[side]).map((one) => one && [one.identifier, showResource(one)])),
    user: inOrder(
      staged.people
        .looked()
        .map((was) => was[side])
        .map((one) => one && [one.user.login, { ...describeUser(one.user), ...passwordOf(one, named) }]),
    ),
    app: inOrder(
      staged.clients
        .looked()
        .map((was) => was[side])
        .map((one) => one && [one.applicationUri, describeApp(one, loginOf, now)]),
    ),
    setting: new Map(
      Object.entries(await readInstanceSettings(side === 'before' ? read : staged.unit)).map(([name, value]) => [
        name,
        { [name]: value },
      ]),
    ),
  })
  return changesBetween(await describe('before'), await describe('after'))
}

type Entry = readonly [id: string, fields: Fields]

const inOrder = (entries: readonly (Entry | undefined)[]): Map<string, Fields> =>
  new Map(entries.filter((entry) => entry !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)))

/** Says of users whose password the files name whether they have one, so that a plan shows those that get theirs. */
const passwordOf = (
  { user, passwordHash }: NonNullable<ReturnType<StagedUnit['people']['looked']>[number]['after']>,
  named: ReadonlySet<string>,
): Fields => (named.has(nameOfAccount(user.login)) ? { password: passwordHash === undefined ? null : '(set)' } : {})

async function loginsOf({ people, clients }: StagedUnit, read: Unit): Promise<(id: string) => string | undefined> {
  const logins = new Map(
    people.looked().flatMap(({ before, after }) => {
      const user = (before ?? after)?.user
      return user ? [[user.id, user.login] as const] : []
    }),
  )
  const systemUsers = clients.looked().flatMap(({ before, after }) => [before?.systemUser, after?.systemUser])
  const missing = systemUsers.filter((id) => id !== undefined && !logins.has(id)) as string[]
  for (const [id, login] of await read.users.loginsOf(missing)) logins.set(id, login)
  return (id) => logins.get(id)
}
