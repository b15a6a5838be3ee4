import type { Refusal } from '../domain/refusal.ts'
import { createBatches } from '../lib/batches.ts'
import { type Clock, MINUTE } from '../lib/clock.ts'
import type { Store } from '../repositories/store.ts'
import type { JournalLog } from './log.ts'
import { readSetting } from './retention.ts'

interface Dependencies {
  readonly store: Pick<Store, 'read' | 'write'>
  readonly clock: Clock
  readonly log: JournalLog
}

// A flood of refusals must not fill the memory; each of them is on the log in any case.
const MOST_WAITING = 2000
const TRIM_AFTER = 500

export type RefusalJournal = ReturnType<typeof createRefusalJournal>

/** Keeps every refusal for the operator: a line on the log at once, a row under its id right after. */
export function createRefusalJournal({ store, clock, log }: Dependencies) {
  let trimmedAt = 0
  let sinceTrim = 0

  async function write(refusals: readonly Refusal[]): Promise<void> {
    await store.write((unit) => unit.refusals.add(refusals))
    sinceTrim += refusals.length
    if (sinceTrim < TRIM_AFTER && clock() - trimmedAt < 10 * MINUTE) return
    sinceTrim = 0
    trimmedAt = clock()
    const { settings } = store.read
    const kept = await readSetting(settings, 'RefusalRetention')
    const most = await readSetting(settings, 'RefusalLimit')
    await store.write((unit) => unit.refusals.trim(clock() - kept, most))
  }

  const batches = createBatches({
    write,
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
