import type { Kysely } from 'kysely'
import { apiResourcesOn } from './api-resources.ts'
import { apiSessionsOn } from './api-sessions.ts'
import { auditEventsOn } from './audit-events.ts'
import { authorizationCodesOn } from './authorization-codes.ts'
import { clientAssertionsOn } from './client-assertions.ts'
import { consentsOn } from './consents.ts'
import { grantsOn } from './grants.ts'
import { initialAccessTokensOn } from './initial-access-tokens.ts'
import { leasesOn } from './leases.ts'
import { leftoversOn } from './leftovers.ts'
import { logoutDeliveriesOn } from './logout-deliveries.ts'
import { moveStateOn } from './move-state.ts'
import { opaqueAccessTokensOn } from './opaque-access-tokens.ts'
import { referenceTokensOn } from './reference-tokens.ts'
import { refreshTokensOn } from './refresh-tokens.ts'
import { refusalsOn } from './refusals.ts'
import { reservedUsersOn } from './reserved-users.ts'
import { revokedAccessTokensOn } from './revoked-access-tokens.ts'
import type { Schema } from './schema.ts'
import { selfRegistrationsOn } from './self-registrations.ts'
import { sessionAppsOn } from './session-apps.ts'
import { sessionEpochsOn } from './session-epochs.ts'
import { settingsOn } from './settings.ts'
import { signInAttemptsOn } from './sign-in-attempts.ts'
import { signInSessionsOn } from './sign-in-sessions.ts'
import { signingKeysOn } from './signing-keys.ts'
import { tokenFamiliesOn } from './token-families.ts'
import { tokenNoticesOn } from './token-notices.ts'
import { trustedApplicationsOn } from './trusted-applications.ts'
import { usersOn } from './users.ts'

export type Repositories = ReturnType<typeof repositoriesOn>

/** Every repository on one connection or transaction. */
export const repositoriesOn = (db: Kysely<Schema>) => ({
  apps: trustedApplicationsOn(db),
  users: usersOn(db),
  sessions: signInSessionsOn(db),
  sessionApps: sessionAppsOn(db),
  logoutDeliveries: logoutDeliveriesOn(db),
  signInAttempts: signInAttemptsOn(db),
  consents: consentsOn(db),
  grants: grantsOn(db),
  codes: authorizationCodesOn(db),
  clientAssertions: clientAssertionsOn(db),
  families: tokenFamiliesOn(db),
  refreshTokens: refreshTokensOn(db),
  revokedAccessTokens: revokedAccessTokensOn(db),
  opaqueAccessTokens: opaqueAccessTokensOn(db),
  referenceTokens: referenceTokensOn(db),
  sessionEpochs: sessionEpochsOn(db),
  tokenNotices: tokenNoticesOn(db),
  apiSessions: apiSessionsOn(db),
  reservedUsers: reservedUsersOn(db),
  signingKeys: signingKeysOn(db),
  settings: settingsOn(db),
  resources: apiResourcesOn(db),
  refusals: refusalsOn(db),
  auditEvents: auditEventsOn(db),
  leases: leasesOn(db),
  leftovers: leftoversOn(db),
  moveState: moveStateOn(db),
  initialAccessTokens: initialAccessTokensOn(db),
  selfRegistrations: selfRegistrationsOn(db),
})

/** Where everything is kept. Reads see what is committed; every write is a unit of work of its own. */
export interface Store {
  readonly read: Repositories
  /**
   * Runs one unit of work whole or not at all and settles after the commit; a throw takes all of it back.
   * @throws OAuthError `temporarily_unavailable` when the database cannot take it in time
   */
  write<T>(unit: (repositories: Repositories) => Promise<T>): Promise<T>
  /** The same for a unit that ends or removes something: it goes through as well while a full disk has stopped everything else. */
  writeEnding<T>(unit: (repositories: Repositories) => Promise<T>): Promise<T>
  /**
   * The same for a unit that looks first and then writes what follows from it: no other such unit runs meanwhile, on any node.
   * It may be run again from its beginning, so it changes nothing but the database.
   */
  writeAlone<T>(unit: (repositories: Repositories) => Promise<T>): Promise<T>
  migrations: {
    /** Names of migrations, in order. */
    status(): Promise<{ applied: string[]; pending: string[] }>
    /** Brings the schema up to date. @returns the names applied now */
    migrate(): Promise<string[]>
  }
  /** Puts aside what is needed in an emergency; for whoever serves. */
  keepReserve(): void
  /** Gives some of the space of removed rows back to the disk. @returns whether there is more */
  compact(): Promise<boolean>
  /** How large the database is, in bytes. */
  size(): Promise<number>
  /** Why nothing that is written from now on would be found again, in one line, or `undefined`; once lost it stays lost. */
  whyLost(): string | undefined
  /** A cheap question to the database; rejects when it does not answer or is lost. */
  ping(): Promise<void>
  close(): Promise<void>
}
