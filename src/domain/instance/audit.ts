import { SELF_REGISTERED_PREFIX } from '../apps/own-names.ts'

/** Everything worth keeping that can happen, and how it went. */
const OUTCOME = {
  sign_in: 'success',
  sign_in_failed: 'failure',
  sign_in_locked: 'failure',
  sign_in_throttled: 'failure',
  sign_out: 'success',
  sign_in_ended: 'success',
  logout_notice_given_up: 'failure',
  consent_granted: 'success',
  consent_denied: 'failure',
  consent_withdrawn: 'success',
  scope_ignored: 'success',
  token_issued: 'success',
  token_revoked: 'success',
  app_authentication_failed: 'failure',
  code_reuse: 'failure',
  refresh_reuse: 'failure',
  key_rotated: 'success',
  key_revoked: 'success',
  master_key_changed: 'success',
  master_key_forgotten: 'success',
  app_registered: 'success',
  app_updated: 'success',
  app_enabled: 'success',
  app_disabled: 'success',
  app_removed: 'success',
  app_secret_added: 'success',
  app_secret_removed: 'success',
  app_secret_changed: 'success',
  user_added: 'success',
  user_updated: 'success',
  user_password_set: 'success',
  user_enabled: 'success',
  user_disabled: 'success',
  user_removed: 'success',
  user_unlocked: 'success',
  reference_token_issued: 'success',
  reference_token_revoked: 'success',
  initial_access_token_created: 'success',
  initial_access_token_revoked: 'success',
  resource_added: 'success',
  resource_updated: 'success',
  resource_removed: 'success',
  setting_changed: 'success',
  license_changed: 'success',
  license_exceeded: 'failure',
  api_session_ended: 'success',
  clock_stepped: 'failure',
  clock_accepted: 'success',
  clock_reset: 'success',
  database_moved: 'success',
  database_reopened: 'success',
  database_restored: 'success',
} as const

export type AuditEventName = keyof typeof OUTCOME

/**
 * Whether it tells of a change that configuration files could describe. Apps that register themselves come, change and go without
 * the files, as often as they like.
 */
export const changesRecords = (record: Pick<AuditRecord, 'event' | 'actor' | 'app'>): boolean =>
  /^(app|user|resource|setting)_|^license_changed$/.test(record.event) &&
  record.event !== 'app_authentication_failed' &&
  record.event !== 'user_unlocked' &&
  !isOwnRegistration(record)

const isOwnRegistration = ({ event, actor, app }: Pick<AuditRecord, 'event' | 'actor' | 'app'>): boolean =>
  event.startsWith('app_') &&
  app?.startsWith(SELF_REGISTERED_PREFIX) === true &&
  (['nobody', 'maintenance', `app:${app}`].includes(actor) || actor.startsWith('initial-token:'))

export const AUDIT_EVENTS = Object.keys(OUTCOME) as AuditEventName[]

/** A value that may be kept: ids and settings, never a secret or a token. */
export type AuditDetail = Readonly<Record<string, unknown>>

/** A security-relevant event, as the part that saw it tells it. */
export interface AuditEvent {
  readonly event: AuditEventName
  /** Who did it; the user or else the app, where nothing is said. */
  readonly actor?: string
  readonly app?: string
  readonly user?: string
  readonly address?: string
  readonly detail?: AuditDetail
}

/** The same as it is kept. */
export interface AuditRecord {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly event: AuditEventName
  readonly outcome: 'success' | 'failure'
  readonly actor: string
  readonly address: string | undefined
  readonly app: string | undefined
  readonly user: string | undefined
  readonly detail: AuditDetail
}

/** A unit of work as far as it takes events. */
export interface AuditedUnit {
  readonly auditEvents: {
    /** @param committed called once the records are there to stay, and never where they are not */
    add(records: readonly AuditRecord[], committed?: () => void): Promise<void>
  }
}

/** Where events are written down: on the log and in the audit log. */
export interface Audit {
  /** Notes an event right after the work that it tells of: on the log at once, in the audit log soon. */
  note(event: AuditEvent): void
  /** Stores an event with what it tells of, so that neither is there without the other, and logs it after the commit. */
  within(unit: AuditedUnit, event: AuditEvent): Promise<void>
}

/** @param now milliseconds since 1970 */
export const toAuditRecord = (
  { event, actor, app, user, address, detail }: AuditEvent,
  id: string,
  now: number,
): AuditRecord => ({
  id,
  at: now,
  event,
  outcome: OUTCOME[event],
  actor: actor ?? (user === undefined ? `app:${app ?? 'unknown'}` : `user:${user}`),
  address,
  app,
  user,
  detail: detail ?? {},
})
