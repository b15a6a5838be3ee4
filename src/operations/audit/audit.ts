import { type Audit, type AuditRecord, type AuditRecords, toAuditRecord } from '../../domain/instance/audit.ts'
import { newOrderedId } from '../../lib/crypto/secrets.ts'
import { createBatches } from '../../lib/flow/batches.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Store } from '../../store/store.ts'
import type { JournalLog } from './log.ts'

interface Dependencies {
  readonly store: Pick<Store, 'write'>
  readonly clock: Clock
  readonly log: JournalLog
}

interface AuditJournal extends AuditRecords {
  readonly audit: Audit
  flush(): Promise<void>
}

const MOST_WAITING = 20_000

/** Keeps what happened: a line on the log at once, a row in the audit log right after. */
export function createAuditJournal({ store, clock, log }: Dependencies): AuditJournal {
  const batches = createBatches<AuditRecord>({
    write: (records) => store.write(({ auditEvents }) => auditEvents.add(records)),
    most: MOST_WAITING,
    onLost: (count, err) => log.error({ count, err }, 'audit events could not be stored; they are on the log alone'),
  })

  const tell: AuditRecords['tell'] = (record) => log.info({ audit: record }, record.event)
  const record: AuditRecords['record'] = (event) => {
    const now = clock()
    return toAuditRecord(event, newOrderedId(now), now)
  }

  return {
    record,
    tell,
    audit(event) {
      const noted = record(event)
      tell(noted)
      batches.add(noted)
    },
    flush: batches.flush,
  }
}
