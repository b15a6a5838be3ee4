import type { Audit, AuditEvent, AuditedUnit } from '../../domain/instance/audit.ts'

/** Where this server is, and where it may call: what the addresses of an app are judged by. */
export interface Here {
  readonly issuer: string
  /** Further hosts under which programs reach it. */
  readonly hosts: readonly string[]
  /** Says why this server may not fetch from a URL, or `undefined`. */
  readonly whyNotFetchable: (url: string) => string | undefined
}

/** Who changes something, and when. */
export interface ChangeContext {
  /** Such as `cli:root` or `app:my.trusted.app/admin`. */
  readonly actor: string
  readonly address?: string
  /** The app through which a person acts, where they act through one. */
  readonly app?: string
  /** Milliseconds since 1970. */
  readonly now: number
  /** Whoever changes an app is told. */
  readonly here?: Here | undefined
  /** Whether they work on the machine itself, and can make an administrator anew. */
  readonly atTheMachine?: true
  /** Where it is written down. */
  readonly audit: Pick<Audit, 'within'>
}

/** Notes an administrative change in the same transaction that makes it. */
export async function recordChange(
  unit: AuditedUnit,
  event: Omit<AuditEvent, 'actor' | 'address'>,
  { actor, address, app, audit }: ChangeContext,
): Promise<void> {
  const detail = app === undefined || actor === `app:${app}` ? event.detail : { ...event.detail, via: app }
  await audit.within(unit, { ...event, actor, ...(address ? { address } : {}), ...(detail ? { detail } : {}) })
}
