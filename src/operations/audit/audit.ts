import { type Audit, type AuditRecord, toAuditRecord } from '../../domain/instance/audit.ts'
import { newOrderedId } from '../../lib/crypto/secrets.ts'
import { createBatches } from '../../lib/flow/batches.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Write } from '../../store/store.ts'
import type { ServerLog } from './log.ts'

interface Dependencies {
  readonly write: Write<'auditEvents'>
  readonly clock: Clock
  readonly log: ServerLog
}

const MOST_WAITING = 20_000

/** Keeps what happened: a line on the log, and a row in the audit log. */
export function createAudit({ write, clock, log }: Dependencies): Audit & { flush(): Promise<void> } {
  const batches = createBatches<AuditRecord>({
    write: (records) => write(({ auditEvents }) => auditEvents.add(records)),
    most: MOST_WAITING,
    onLost: (count, err) => log.error({ count, err }, 'audit events could not be stored; they are only in this log'),
  })
  const put = (record: AuditRecord): void => log.info({ audit: record }, record.event)

  return {
    note(event) {
      const record = recordAt(clock(), event)
      put(record)
      batches.add(record)
    },
    ...createAuditWithin(clock, put),
    flush: batches.flush,
  }
}

/** The half of it that units of work use. @param put takes each record once it is committed; nobody does at the command line */
export const createAuditWithin = (clock: Clock, put?: (record: AuditRecord) => void): Pick<Audit, 'within'> => ({
  async within({ auditEvents }, event) {
    const record = recordAt(clock(), event)
    await auditEvents.add([record], () => put?.(record))
  },
})

const recordAt = (now: number, event: Parameters<typeof toAuditRecord>[0]): AuditRecord =>
  toAuditRecord(event, newOrderedId(now), now)
