import type { Audit } from '../../domain/instance/audit.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { createAtMostEach } from '../../lib/flow/at-most.ts'
import { networkOf } from '../../lib/net/network.ts'
import { type Clock, SECOND } from '../../lib/time/clock.ts'
import type { Repositories, Write } from '../../store/store.ts'
import type { ChangeContext } from './record-change.ts'
import { type Reading, withSuggestion } from './suggest.ts'

/** Who asks for a change over HTTP. They were let in at the door, and may have waited since: for a password hash, or for their turn. */
export interface Actor extends Omit<ChangeContext, 'now' | 'audit' | 'atTheMachine' | 'here'> {
  /**
   * Checks them again by what the unit of work sees, with the very rules of the door; each door looks at a part of it.
   * @throws Refused as the door does
   */
  readonly recheck: (unit: Repositories) => Promise<unknown>
}

/** Runs a change in one unit of work that first checks again who asks for it; the change has these repositories at hand and no others. */
export type RunChange<Name extends keyof Repositories> = <T>(
  actor: Actor,
  change: (unit: Pick<Repositories, Name>, context: ChangeContext) => Promise<T>,
) => Promise<T>

interface Dependencies {
  /** Where a record is looked for that may have been meant. */
  readonly read: Reading
  /** With everything at hand: the change and the check each use a part. */
  readonly writeAlone: Write<keyof Repositories>
  readonly clock: Clock
  readonly here: ChangeContext['here']
  readonly audit: Pick<Audit, 'within'>
  /** Milliseconds since any moment; never goes back. */
  readonly elapsed?: () => number
}

// Of one caller: whoever sends many at once waits for themselves, and nobody else does.
const AT_ONCE = 4
// Milliseconds, as long as for the database.
const LONGEST_WAIT = 2000

/** Who waits in one line: a person, an app, or the network of somebody who is neither. */
const callerOf = ({ actor, address = '' }: Pick<Actor, 'actor' | 'address'>): string =>
  actor === 'nobody' ? networkOf(address) : actor

/** Runs every change that is asked for over HTTP. */
export function createRunChange(dependencies: Dependencies): RunChange<keyof Repositories> {
  const { read, writeAlone, clock, here, audit, elapsed = () => performance.now() } = dependencies
  const inLine = createAtMostEach(AT_ONCE)
  return async function runChange({ recheck, ...actor }, change) {
    const joined = elapsed()
    try {
      return await inLine(callerOf(actor), () => {
        if (elapsed() - joined > LONGEST_WAIT) throw tooMany()
        return writeAlone(async (unit) => {
          await recheck(unit)
          return change(unit, { ...actor, here, now: clock(), audit })
        })
      })
    } catch (error) {
      throw await withSuggestion(error, read)
    }
  }
}

const tooMany = (): Refused =>
  new Refused('temporarily_unavailable', 'your changes before this one take too long; try again shortly', {
    rule: 'server-busy',
    cause: `the caller sent more than ${AT_ONCE} changes at once, and they took more than ${LONGEST_WAIT / SECOND} s`,
  })
