import { AUDIT_EVENTS, type AuditRecord } from '../../domain/instance/audit.ts'
import { type Page, type PageQuery, readPage } from '../../domain/records/paging.ts'
import { readTimeKey, timeKeyOf } from '../../domain/records/time-key.ts'
import { type Fault, Refused } from '../../domain/refusals/errors.ts'
import type { Refusal } from '../../domain/refusals/refusal.ts'
import { isoTime } from '../../lib/time/clock.ts'
import { readTime } from '../../lib/time/read-time.ts'
import type { AuditOrder } from '../../store/repositories/instance/audit-events.ts'
import type { Repositories } from '../../store/store.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'refusals' | 'auditEvents'>
  /** Stores what is still waiting to be. */
  readonly flush: () => Promise<unknown>
}

export type ReadLogs = ReturnType<typeof createReadLogs>

const showRefusal = ({ at, app, detail, ...refusal }: Refusal) => ({
  ...refusal,
  at: isoTime(at),
  app: app ?? null,
  detail: detail as Readonly<Record<string, unknown>>,
})

const showEvent = ({ at, app, user, address, ...event }: AuditRecord) => ({
  ...event,
  at: isoTime(at),
  app: app ?? null,
  user: user ?? null,
  address: address ?? null,
})

/** @throws Refused `invalid_request` for what is no time */
function readMoment(name: string, text: string | undefined): number | undefined {
  const time = text === undefined ? undefined : readTime(text)
  if (text === undefined || time !== undefined) return time
  const faults = [{ attribute: name, reason: 'expects a time such as 2030-01-31T00:00:00Z' }]
  throw filterMalformed(`${name} is not a time`, faults)
}

/** @throws Refused `invalid_request` for what is no status */
function readStatus(text: string | undefined): number | undefined {
  if (text === undefined || /^[45]\d\d$/.test(text)) return text === undefined ? undefined : Number(text)
  throw filterMalformed('status is not the status of a refusal', [
    { attribute: 'status', reason: 'expects a number from 400 to 599' },
  ])
}

/** @throws Refused `invalid_request` for what is no event */
function requireEvent(name: string | undefined): void {
  if (name === undefined || AUDIT_EVENTS.some((known) => known === name)) return
  const faults = [{ attribute: 'event', reason: `expects one of ${AUDIT_EVENTS.join(', ')}` }]
  throw filterMalformed('event is not known', faults)
}

const filterMalformed = (cause: string, faults: readonly Fault[]): Refused =>
  new Refused('invalid_request', cause, { rule: 'filter-malformed', cause }, { faults })

/** Which events are wanted, each part as the URL holds it. */
export interface Wanted {
  readonly event?: string | undefined
  readonly app?: string | undefined
  readonly user?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly order?: AuditOrder | undefined
}

/** Which refusals are wanted, each part as the URL holds it. */
export interface WantedRefusals {
  readonly app?: string | undefined
  readonly error?: string | undefined
  readonly status?: string | undefined
  readonly endpoint?: string | undefined
  readonly since?: string | undefined
}

/** What was refused and what happened, as the administration API tells it. */
export function createReadLogs({ read, flush }: Dependencies) {
  return {
    async refusal(id: string) {
      await flush()
      const refusal = await read.refusals.find(id)
      if (!refusal)
        throw new Refused('not_found', 'no refusal has this id: it is no longer kept, or it is only in the log', {
          rule: 'refusal-unknown',
          cause: 'no stored refusal has this id',
        })
      return showRefusal(refusal)
    },

    /** The latest first. */
    async refusals(
      query: PageQuery,
      { status, since, ...filter }: WantedRefusals,
    ): Promise<Page<ReturnType<typeof showRefusal>>> {
      const wanted = { ...filter, status: readStatus(status), since: readMoment('since', since) }
      await flush()
      const after = query.after === undefined ? undefined : readTimeKey(query.after)
      const page = await readPage(query, ({ limit }) => read.refusals.list(limit, wanted, after), timeKeyOf)
      return { items: page.items.map(showRefusal), next: page.next }
    },

    /** The newest first; the oldest first, reading can go on where it stopped. */
    async audit(
      query: PageQuery,
      { since, until, order = 'newest', ...filter }: Wanted,
    ): Promise<Page<ReturnType<typeof showEvent>>> {
      requireEvent(filter.event)
      await flush()
      const after = query.after === undefined ? undefined : readTimeKey(query.after)
      const wanted = { ...filter, since: readMoment('since', since), until: readMoment('until', until) }
      const page = await readPage(query, ({ limit }) => read.auditEvents.read(wanted, limit, after, order), timeKeyOf)
      return { items: page.items.map(showEvent), next: page.next }
    },
  }
}
