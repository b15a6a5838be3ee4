import type { AuditRecord } from '../domain/audit.ts'
import type { Clock } from '../lib/clock.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { By } from './record-change.ts'
import { asProtocolError } from './refused-change.ts'
import { withSuggestion } from './suggest.ts'

/** Who asks for a change over HTTP. */
export type Caller = Omit<By, 'now' | 'recorded'>

interface Dependencies {
  readonly store: Pick<Store, 'read' | 'writeAlone'>
  readonly clock: Clock
  /** Puts a record on the log. */
  readonly tell: (record: AuditRecord) => void
}

/** Carries orders out: each in one unit of work, and told on the log when it is committed. */
export function createOrders({ store, clock, tell }: Dependencies) {
  return async function carryOut<T>(caller: Caller, work: (unit: Repositories, by: By) => Promise<T>): Promise<T> {
    let recorded: AuditRecord[] = []
    try {
      const result = await store.writeAlone((unit) => {
        // A unit that had to wait for a lock begins anew.
        recorded = []
        return work(unit, { ...caller, now: clock(), recorded })
      })
      for (const record of recorded) tell(record)
      return result
    } catch (error) {
      throw asProtocolError(await withSuggestion(error, store.read))
    }
  }
}
