import type { Page, PageQuery } from '../../domain/records/paging.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import { type User, type UserType, whyBadPassword } from '../../domain/users/user.ts'
import { userFaults } from '../../domain/users/user-attributes.ts'
import { newUserDetails, readUserDetails, showUserRecord, type UserInput } from '../../domain/users/user-record.ts'
import { isListedPassword } from '../../lib/files/listed-passwords.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import { invalidChange } from '../change/refuse-change.ts'
import type { Actor, RunChange } from '../change/run-change.ts'
import { orSuggestion } from '../change/suggest.ts'
import { type Expected, requireExpected, versionOfUser } from '../change/versions.ts'
import { requireUser } from './find-user.ts'
import { readNewestUsers } from './newest-users.ts'
import { addUser, removeUser, setUserEnabled, setUserPassword, unlockUser, updateUser } from './users.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'users' | 'apps'>
  readonly runChange: RunChange<'apps' | 'users' | 'signInAttempts' | 'auditEvents'>
  readonly clock: Clock
  readonly hashPassword: (password: string) => Promise<string>
}

export type NewUserInput = UserInput & {
  readonly login: string
  readonly type: UserType
  readonly isEnabled?: boolean
  readonly password?: string
}

export type UserPatch = UserInput & { readonly login?: string; readonly type?: UserType; readonly isEnabled?: boolean }

export type ManageUsers = ReturnType<typeof createManageUsers>

/** Users as the administration API handles them: each change is checked, stored and audited in one unit of work. */
export function createManageUsers({ read, runChange, clock, hashPassword }: Dependencies) {
  const suggesting = <T>(question: Promise<T>): Promise<T> => orSuggestion(read, question)
  const describe = (user: User) => ({ record: showUserRecord(user), version: versionOfUser(user) })

  /** Before a transaction is opened: hashing takes long, and is meant to. */
  async function hashFor(type: UserType, password: string, others: readonly Fault[] = []): Promise<string> {
    const faults = [...others, ...whyNoPassword(type, password)]
    if (faults.length > 0) throw invalidChange(faults)
    return hashPassword(password)
  }

  return {
    find: async (name: string) => describe(await suggesting(requireUser(read, name))),

    /** The newest first. */
    async page(query: PageQuery): Promise<Page<ReturnType<typeof showUserRecord>>> {
      const { items, next } = await readNewestUsers(read, query)
      return { items: items.map(showUserRecord), next }
    },

    async add({ login, type, isEnabled, password, ...details }: NewUserInput, actor: Actor) {
      const wanted = { login, type, ...newUserDetails(login, details) }
      const hash =
        password === undefined ? undefined : await suggesting(hashFor(type, password, userFaults(wanted, clock())))
      return runChange(actor, async (unit, context) => {
        const user = await addUser(unit, wanted, hash, context)
        return describe(isEnabled === false ? await setUserEnabled(unit, user.id, false, context) : user)
      })
    },

    patch: (name: string, body: UserPatch, expected: Expected, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        const before = await requireUser(unit, name)
        requireExpected(versionOfUser(before), expected)
        const { login, type, isEnabled, ...details } = body
        requireSame(body, before)
        // The kill switch alone must work even where the rest of the record no longer does.
        if (Object.keys(details).length > 0) {
          await updateUser(unit, { ...before, ...readUserDetails(before, details) }, context)
        }
        if (isEnabled !== undefined) await setUserEnabled(unit, before.id, isEnabled, context)
        return describe(await requireUser(unit, before.id))
      }),

    remove: (name: string, expected: Expected, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        const user = await requireUser(unit, name)
        requireExpected(versionOfUser(user), expected)
        await removeUser(unit, user.id, context)
      }),

    async setPassword(name: string, password: string, actor: Actor): Promise<void> {
      const { id, type } = await suggesting(requireUser(read, name))
      const hash = await suggesting(hashFor(type, password))
      await runChange(actor, async (unit, context) => setUserPassword(unit, await requireUser(unit, id), hash, context))
    },

    unlock: (name: string, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        const user = await requireUser(unit, name)
        return { id: user.id, login: user.login, unlocked: await unlockUser(unit, user, context) }
      }),
  }
}

function whyNoPassword(type: UserType, password: string): Fault[] {
  const reason =
    type === 'SystemUserNoLogin'
      ? 'a System User has no password: it never signs in'
      : whyBadPassword(password, isListedPassword)
  return reason === undefined ? [] : [{ attribute: 'password', reason }]
}

/** Login and type are what an account is; another one is another account. */
function requireSame(given: Pick<UserPatch, 'login' | 'type'>, known: User): void {
  const changed = (['login', 'type'] as const).filter(
    (name) => given[name] !== undefined && given[name] !== known[name],
  )
  if (changed.length === 0) return
  throw invalidChange(changed.map((attribute) => ({ attribute, reason: 'cannot be changed' })))
}
