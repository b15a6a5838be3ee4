import type { AuditRecord } from '../../domain/instance/audit.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Repositories, Store } from '../../store/store.ts'
import { asProtocolError } from './as-protocol-error.ts'
import type { By } from './record-change.ts'
import { withSuggestion } from './suggest.ts'

/** Who asks for a change over HTTP. They were let in at the door, and may have waited since: for a password hash, or for their turn. */
export interface Caller extends Omit<By, 'now' | 'recorded' | 'atTheMachine'> {
  /**
   * Judges them by what the unit of work sees, with the very rules of the door.
   * @throws OAuthError as the door does
   */
  readonly judgeAgain: (unit: Repositories) => Promise<unknown>
}

interface Dependencies {
  readonly store: Pick<Store, 'read' | 'writeAlone'>
  readonly clock: Clock
  /** Puts a record on the log. */
  readonly tell: (record: AuditRecord) => void
}

/** Carries orders out: each in one unit of work that judges first who gave it, and told on the log when it is committed. */
export function createOrders({ store, clock, tell }: Dependencies) {
  return async function carryOut<T>(
    { judgeAgain, ...caller }: Caller,
    work: (unit: Repositories, by: By) => Promise<T>,
  ): Promise<T> {
    let recorded: AuditRecord[] = []
    try {
      const result = await store.writeAlone(async (unit) => {
        // A unit that had to wait for a lock begins anew.
        recorded = []
        await judgeAgain(unit)
        return work(unit, { ...caller, now: clock(), recorded })
      })
      for (const record of recorded) tell(record)
      return result
    } catch (error) {
      throw asProtocolError(await withSuggestion(error, store.read))
    }
  }
}
