import type { Account, StagedUser } from '../../domain/instance/staged-records.ts'
import { identifiersOf, spellingsOf, type User } from '../../domain/users/user.ts'
import { newUserRecord } from '../../domain/users/user-record.ts'
import { newId } from '../../lib/crypto/secrets.ts'
import type { Users } from '../../store/repositories/users/users.ts'
import type { Later, Was } from './later.ts'

const namesOf = ({ user, heldNames }: Account): string[] => identifiersOf(user, heldNames)

const mayAdminister = ({ user, passwordHash }: Account): boolean =>
  user.isAdmin && user.isEnabled && user.type === 'InternalUser' && passwordHash !== undefined

/** Users as they are to be: what changes is held back, and what was asked for once is not asked for again. */
export function createStagedUsers(read: Users, later: Later) {
  const accounts = new Map<string, Was<Account>>()
  // Whom a login or an e-mail points at.
  const owners = new Map<string, string | undefined>()
  const added = new Set<string>()
  const changed = new Set<string>()
  // Whose login and e-mail are put in anew.
  const described = new Set<string>()
  const removed = new Set<string>()

  function remember(account: Account): Was<Account> {
    const known = accounts.get(account.user.id)
    if (known) return known
    const was = { before: account, after: account }
    accounts.set(account.user.id, was)
    for (const name of namesOf(account)) if (!owners.has(name)) owners.set(name, account.user.id)
    return was
  }

  async function accountOf(id: string): Promise<Account | undefined> {
    const known = accounts.get(id)
    if (known) return known.after
    const user = await read.find(id)
    // Two accounts may be there from before both spellings of a login were one.
    const account = user && (await read.accountsOf([user.login])).find((one) => one.user.id === id)
    return account && remember(account).after
  }

  function put(id: string, after: Account | undefined): void {
    const was = accounts.get(id)
    for (const name of was?.after ? namesOf(was.after) : []) owners.set(name, undefined)
    for (const name of after ? namesOf(after) : []) owners.set(name, id)
    accounts.set(id, { before: was?.before, after })
  }

  async function change(id: string, how: (account: Account) => Account): Promise<void> {
    const account = await accountOf(id)
    if (!account) return
    if (!added.has(id)) changed.add(id)
    put(id, how(account))
  }

  /** A change that ends what was issued for a user so far. */
  const ending = (user: User, now: number): User => ({ ...user, epoch: user.epoch + 1, updatedAt: now })

  /** Asks at once for everybody whom these names point at. */
  async function preload(names: readonly string[]): Promise<void> {
    for (const account of await read.accountsOf(names)) remember(account)
    for (const name of names.flatMap(spellingsOf)) if (!owners.has(name)) owners.set(name, undefined)
  }

  const users: Users = {
    ...read,

    find: async (id) => (await accountOf(id))?.user,

    async findByIdentifier(identifier) {
      const spellings = spellingsOf(identifier)
      if (!spellings.every((name) => owners.has(name))) await preload([identifier])
      const owner = spellings.map((name) => owners.get(name)).find((id) => id !== undefined)
      return owner === undefined ? undefined : accountOf(owner)
    },

    async administrators(most) {
      const known = [...accounts].flatMap(([id, { after }]) => (after && mayAdminister(after) ? [id] : []))
      const others = await read.administrators(most + accounts.size)
      return [...known, ...others.filter((id) => !accounts.has(id))].slice(0, most)
    },

    async add(wanted, passwordHash, now) {
      const user = newUserRecord(wanted, wanted.id ?? newId(), now)
      added.add(user.id)
      put(user.id, { user, passwordHash })
      return user
    },

    async update({ id, name, email, emailVerified, locale, profile, isAdmin }, now) {
      if (!added.has(id)) described.add(id)
      const details = { name, email, emailVerified, locale, profile, isAdmin, updatedAt: now }
      await change(id, (account) => ({ ...account, user: { ...account.user, ...details } }))
    },

    setPassword: (id, passwordHash, now) =>
      change(id, (account) => ({ ...account, user: ending(account.user, now), passwordHash })),

    setEnabled: (id, isEnabled, now) =>
      change(id, (account) => ({ ...account, user: { ...ending(account.user, now), isEnabled } })),

    async remove(id) {
      await accountOf(id)
      put(id, undefined)
      if (added.delete(id)) return
      changed.delete(id)
      described.delete(id)
      removed.add(id)
      later.changeEach('users removed', id, ({ users }, ids, now) => users.removeEach(ids, now))
    },
  }

  const staged = (id: string): StagedUser[] => {
    const { before, after } = accounts.get(id) ?? {}
    if (!after) return []
    if (!before) return [{ ...after, isNew: true }]
    const user = { ...after.user, epoch: after.user.epoch - before.user.epoch }
    const isSame = after.passwordHash === before.passwordHash
    return [{ ...after, user, passwordHash: isSame ? undefined : after.passwordHash, isNew: false }]
  }

  const isSignedOut = ({ isNew, user, passwordHash }: StagedUser): boolean =>
    !isNew && user.epoch > 0 && (passwordHash !== undefined || !user.isEnabled)

  return {
    users,
    preload,
    /** Everybody who was looked at, as they were and as they are to be. */
    looked: (): readonly Was<Account>[] => [...accounts.values()],
    records() {
      const all = [...added, ...changed].flatMap(staged)
      return {
        users: all,
        released: [...described, ...removed],
        signedOut: all.filter(isSignedOut).map(({ user }) => user.id),
      }
    },
  }
}
