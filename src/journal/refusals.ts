import type { Refusal } from '../domain/refusal.ts'
import { createBatches } from '../lib/batches.ts'
import type { Store } from '../repositories/store.ts'
import type { JournalLog } from './log.ts'

interface Dependencies {
  readonly store: Pick<Store, 'write'>
  readonly log: JournalLog
}

// A flood of refusals must not fill the memory; each of them is on the log in any case.
const MOST_WAITING = 2000

export type RefusalJournal = ReturnType<typeof createRefusalJournal>

/** Keeps every refusal for the operator: a line on the log at once, a row under its id right after. */
export function createRefusalJournal({ store, log }: Dependencies) {
  const batches = createBatches<Refusal>({
    write: (refusals) => store.write((unit) => unit.refusals.add(refusals)),
    most: MOST_WAITING,
    onLost: (count, err) => log.error({ count, err }, 'refusals could not be stored; they are on the log alone'),
  })

  return {
    keep(refusal: Refusal): void {
      const { id, at, detail, ...rest } = refusal
      const level = refusal.status >= 500 ? 'error' : 'info'
      log[level]({ refusal: id, ...rest, cause: detail }, 'refused')
      batches.add(refusal)
    },
    flush: batches.flush,
  }
}
