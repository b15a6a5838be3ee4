import type { AppRegistration, NewAppSecret } from '../apps/trusted-application.ts'
import type { User } from '../users/user.ts'
import type { AuditRecord } from './audit.ts'

/** A user and the hash of their password. */
export interface Account {
  readonly user: User
  readonly passwordHash: string | undefined
  /** What a user who is there is found by. */
  readonly heldNames?: readonly string[]
}

/** A user who is new or changes. */
export interface StagedUser extends Account {
  readonly isNew: boolean
  /** The epoch of one who is there is by how many it counts up, as what was issued for them so far ends. */
  readonly user: User
  /** Of one who is there the new one; `undefined` leaves them the one they have. */
  readonly passwordHash: string | undefined
}

/** An app that is new, or that changes in more than its secrets. */
export interface StagedApp {
  readonly isNew: boolean
  readonly registration: AppRegistration
  readonly isEnabled: boolean
  /** Of a new app the first; of another by how many it counts up, as what was issued to it so far ends. */
  readonly epoch: number
  /** Whether tokens that were issued before may be good for something else, or for nothing. */
  readonly concernsTokens: boolean
  /** Milliseconds since 1970. */
  readonly updatedAt: number
}

/** Secrets of apps that are to be as they are not yet. */
export interface StagedSecrets {
  /** New ones, and those with another label or end; sealed where that is new as well. */
  readonly kept: readonly { readonly applicationUri: string; readonly secret: NewAppSecret }[]
  /** Ids of those that go. */
  readonly dropped: readonly string[]
  /** Ids of those of which nothing but the hash is kept. */
  readonly unsealed: readonly string[]
}

/** Many records as they are to be, so that a few statements put them in together. */
export interface StagedRecords {
  readonly users: readonly StagedUser[]
  /** Ids of users whose logins and e-mails become free first. */
  readonly released: readonly string[]
  /** Ids of users who are signed out everywhere. */
  readonly signedOut: readonly string[]
  readonly apps: readonly StagedApp[]
  readonly secrets: StagedSecrets
  readonly auditEvents: readonly AuditRecord[]
}

/** The setting that counts changes of users, apps, API resources and settings. */
export const RECORDS_VERSION = 'records-version'
