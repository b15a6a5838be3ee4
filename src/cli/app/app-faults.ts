import { isInvalidChange } from '../../admin/change/refuse-change.ts'
import { similarUser } from '../../admin/change/suggest.ts'
import { findUser } from '../../admin/users/find-user.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import type { Repositories } from '../../store/store.ts'
import { wrongUsage } from '../kit/problem.ts'

interface Asked {
  /** What the command itself finds wrong. */
  readonly faults?: readonly Fault[]
  /** The flag behind an attribute, to be named with its fault. */
  readonly flags?: Readonly<Record<string, string>>
}

/**
 * Makes a change of a registration, or says everything that is wrong with it, the command's own faults first.
 * @throws Problem with every fault, one line each; a transaction around it is rolled back
 */
export async function orFaults<T>({ faults = [], flags = {} }: Asked, change: () => Promise<T>): Promise<T> {
  const own = faults.map(({ attribute, reason }) => `${attribute}: ${reason}`)
  // What names a command to run needs no flag to look at.
  const flagOf = ({ attribute, reason }: Fault): string =>
    flags[attribute] === undefined || reason.includes('tessera ') ? '' : `; see ${flags[attribute]}`
  try {
    const changed = await change()
    if (own.length === 0) return changed
  } catch (error) {
    if (!isInvalidChange(error)) throw error
    const others = error.faults.filter(({ attribute }) => !faults.some((known) => known.attribute === attribute))
    throw wrongUsage(...own, ...others.map((fault) => `${fault.attribute}: ${fault.reason}${flagOf(fault)}`))
  }
  throw wrongUsage(...own)
}

/** A System User that nobody is, but somebody is nearly: the mistake is in the name, not in a missing account. */
export async function misspelledSystemUser(
  systemUser: string | undefined,
  { users }: Pick<Repositories, 'users'>,
): Promise<Fault[]> {
  if (systemUser === undefined || (await findUser(users, systemUser))) return []
  const similar = await similarUser({ users }, systemUser)
  if (similar === '') return []
  return [{ attribute: 'SystemUser', reason: `no user is called ${JSON.stringify(systemUser)}${similar}` }]
}
