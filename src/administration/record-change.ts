import { type AuditEvent, toAuditRecord } from '../domain/audit.ts'
import { newId } from '../lib/secrets.ts'
import type { Repositories } from '../repositories/store.ts'

/** Who changes something, and when. */
export interface By {
  /** Such as `cli:root` or `app:my.trusted.app/admin`. */
  readonly actor: string
  readonly address?: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Notes an administrative change in the same transaction that makes it. */
export const recordChange = (
  { auditEvents }: Pick<Repositories, 'auditEvents'>,
  event: Omit<AuditEvent, 'actor' | 'address'>,
  { actor, address, now }: By,
): Promise<void> => auditEvents.add([toAuditRecord({ ...event, actor, ...(address ? { address } : {}) }, newId(), now)])
