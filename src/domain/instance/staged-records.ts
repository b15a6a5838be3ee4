import type { AppRegistration, NewAppSecret } from '../apps/trusted-application.ts'
import type { User } from '../users/user.ts'
import type { AuditRecord } from './audit.ts'

/** A user and the hash of their password. */
export interface Account {
  readonly user: User
  readonly passwordHash: string | undefined
}

/** An app that is new, with its secrets, or whose registration changes; of that one, secrets, state and epoch stay as they are. */
export interface StagedApp {
  readonly isNew: boolean
  readonly registration: AppRegistration
  readonly secrets: readonly NewAppSecret[]
  readonly isEnabled: boolean
  readonly epoch: number
  /** Milliseconds since 1970. */
  readonly updatedAt: number
}

/** Many records as they are to be, so that a few statements put them in together. */
export interface StagedRecords {
  /** New users, and users whose details change; of these password, state and epoch stay as they are. */
  readonly users: readonly Account[]
  /** Ids of users whose logins and e-mails become free first. */
  readonly released: readonly string[]
  readonly apps: readonly StagedApp[]
  readonly auditEvents: readonly AuditRecord[]
}

/** The setting that counts changes of users, apps, API resources and settings. */
export const RECORDS_VERSION = 'records-version'
