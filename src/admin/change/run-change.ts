import type { Audit } from '../../domain/instance/audit.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Repositories, Store } from '../../store/store.ts'
import type { ChangeContext } from './record-change.ts'
import { withSuggestion } from './suggest.ts'

/** Who asks for a change over HTTP. They were let in at the door, and may have waited since: for a password hash, or for their turn. */
export interface Actor extends Omit<ChangeContext, 'now' | 'audit' | 'atTheMachine'> {
  /**
   * Checks them again by what the unit of work sees, with the very rules of the door.
   * @throws Refused as the door does
   */
  readonly recheck: (unit: Repositories) => Promise<unknown>
}

interface Dependencies {
  readonly store: Pick<Store, 'read' | 'writeAlone'>
  readonly clock: Clock
  readonly audit: Pick<Audit, 'within'>
}

/** Carries orders out: each in one unit of work that judges first who gave it. */
export function createOrders({ store, clock, audit }: Dependencies) {
  return async function carryOut<T>(
    { recheck, ...actor }: Actor,
    work: (unit: Repositories, context: ChangeContext) => Promise<T>,
  ): Promise<T> {
    try {
      return await store.writeAlone(async (unit) => {
        await recheck(unit)
        return work(unit, { ...actor, now: clock(), audit })
      })
    } catch (error) {
      throw await withSuggestion(error, store.read)
    }
  }
}
