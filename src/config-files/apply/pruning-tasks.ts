import { removeApp } from '../../admin/apps/apps.ts'
import { removeResource } from '../../admin/apps/resources.ts'
import type { ChangeContext } from '../../admin/change/record-change.ts'
import { removeUser } from '../../admin/users/users.ts'
import type { Wanted } from '../read/read-files.ts'
import type { Unit } from '../schema/describe-instance.ts'
import type { Kind, Place } from '../schema/fault.ts'
import { identityOf } from '../schema/records.ts'
import { everyPage } from '../stage/every-page.ts'
import { findAccount, type Task } from './tasks.ts'

/**
 * Removes what the files do not name, of the kinds they speak of: what needs something goes before it.
 * @param read what is committed
 * @param kept records that are never removed
 */
export async function pruningTasks(
  wanted: Wanted,
  read: Unit,
  kept: readonly string[],
  context: ChangeContext,
): Promise<Task[]> {
  const named = new Set(
    [...wanted.apps, ...wanted.users, ...wanted.resources].map(({ record }) => identityOf(record.kind, record.id)),
  )
  const stays = new Set([...named, ...kept])
  const placeOf = (): Place => ({ file: '--prune' })
  const removing = async (
    kind: Kind,
    found: AsyncIterable<readonly string[]>,
    remove: (unit: Unit, id: string) => Promise<void>,
  ): Promise<Task[]> => {
    const tasks: Task[] = []
    if (!wanted.kinds.has(kind)) return tasks
    for await (const ids of found)
      for (const id of ids.filter((one) => !stays.has(identityOf(kind, one))))
        tasks.push({ kind, id, placeOf, run: (unit) => remove(unit, id) })
    return tasks
  }
  return [
    ...(await removing('app', appsOf(read), (unit, id) => removeApp(unit, id, context))),
    ...(await removing('user', loginsOf(read), (unit, login) => forgetUser(unit, login, context))),
    ...(await removing('resource', resourcesOf(read), (unit, id) => removeResource(unit, id, context))),
  ]
}

/** What registered itself comes and goes without the files. */
async function* appsOf({ apps }: Unit): AsyncGenerator<string[]> {
  for await (const page of everyPage(apps.page, ({ applicationUri }) => applicationUri))
    yield page.filter(({ selfRegistered }) => !selfRegistered).map(({ applicationUri }) => applicationUri)
}

async function* loginsOf({ users }: Unit): AsyncGenerator<string[]> {
  for await (const page of everyPage(users.page, ({ login }) => login)) yield page.map(({ login }) => login)
}

async function* resourcesOf({ resources }: Unit): AsyncGenerator<string[]> {
  yield (await resources.list()).map(({ identifier }) => identifier)
}

async function forgetUser(unit: Unit, login: string, context: ChangeContext): Promise<void> {
  const user = await findAccount(unit, login)
  if (user) await removeUser(unit, user.id, context)
}
