import type { Kysely } from 'kysely'
import type { StagedRecords } from '../domain/instance/staged-records.ts'
import { apiResourcesOn } from './repositories/apps/api-resources.ts'
import { clientAssertionsOn } from './repositories/apps/client-assertions.ts'
import { initialAccessTokensOn } from './repositories/apps/initial-access-tokens.ts'
import { selfRegistrationsOn } from './repositories/apps/self-registrations.ts'
import { trustedApplicationsOn } from './repositories/apps/trusted-applications.ts'
import { type AfterCommit, auditEventsOn } from './repositories/instance/audit-events.ts'
import { leasesOn } from './repositories/instance/leases.ts'
import { leftoversOn } from './repositories/instance/leftovers.ts'
import { masterKeyOn, sealedRowsOn } from './repositories/instance/master-key.ts'
import { moveStateOn } from './repositories/instance/move-state.ts'
import { refusalsOn } from './repositories/instance/refusals.ts'
import { settingsOn } from './repositories/instance/settings.ts'
import { outboxOn } from './repositories/outbox/outbox.ts'
import { apiSessionsOn } from './repositories/sessions/api-sessions.ts'
import { sessionAppsOn } from './repositories/sessions/session-apps.ts'
import { sessionEpochsOn } from './repositories/sessions/session-epochs.ts'
import { signInSessionsOn } from './repositories/sessions/sign-in-sessions.ts'
import { authorizationCodesOn } from './repositories/tokens/authorization-codes.ts'
import { grantsOn } from './repositories/tokens/grants.ts'
import { opaqueAccessTokensOn } from './repositories/tokens/opaque-access-tokens.ts'
import { referenceTokensOn } from './repositories/tokens/reference-tokens.ts'
import { refreshTokensOn } from './repositories/tokens/refresh-tokens.ts'
import { revokedAccessTokensOn } from './repositories/tokens/revoked-access-tokens.ts'
import { signingKeysOn } from './repositories/tokens/signing-keys.ts'
import { tokenFamiliesOn } from './repositories/tokens/token-families.ts'
import { tokenNoticesOn } from './repositories/tokens/token-notices.ts'
import { consentsOn } from './repositories/users/consents.ts'
import { reservedUsersOn } from './repositories/users/reserved-users.ts'
import { signInAttemptsOn } from './repositories/users/sign-in-attempts.ts'
import { usersOn } from './repositories/users/users.ts'
import type { Schema } from './schema/schema.ts'

export type Repositories = ReturnType<typeof repositoriesOn>

/** Every repository on one connection or transaction. @param afterCommit keeps what is to be run once a transaction is committed */
export const repositoriesOn = (db: Kysely<Schema>, afterCommit?: AfterCommit) => ({
  apps: trustedApplicationsOn(db),
  users: usersOn(db),
  sessions: signInSessionsOn(db),
  sessionApps: sessionAppsOn(db),
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
  outbox: outboxOn(db),
  auditEvents: auditEventsOn(db, afterCommit),
  leases: leasesOn(db),
  leftovers: leftoversOn(db),
  moveState: moveStateOn(db),
  masterKey: masterKeyOn(db),
  sealedRows: sealedRowsOn(db),
  initialAccessTokens: initialAccessTokensOn(db),
  selfRegistrations: selfRegistrationsOn(db),
})

/** What tells whether an access token still holds, for whoever checks one again in a unit of work. */
export type TokenCheckUnit = Pick<
  Repositories,
  'apps' | 'users' | 'families' | 'sessionEpochs' | 'revokedAccessTokens' | 'referenceTokens' | 'resources'
>

/** Runs one unit of work, which has these repositories at hand and no others: one of the three ways to write below. */
export type Write<Name extends keyof Repositories> = <T>(
  unit: (repositories: Pick<Repositories, Name>) => Promise<T>,
) => Promise<T>

/** A unit of work that puts in what was laid down before it. @param putIn takes milliseconds since 1970 */
export type StagedWork<T> = (repositories: Repositories, putIn: (now: number) => Promise<void>) => Promise<T>

/** Runs such a unit. */
export type WriteStaged = <T>(records: StagedRecords, unit: StagedWork<T>) => Promise<T>

/** Where everything is kept. Reads see what is committed; every write is a unit of work of its own. */
export interface Store {
  readonly read: Repositories
  /**
   * Runs one unit of work whole or not at all and settles after the commit; a throw takes all of it back.
   * @throws Refused `temporarily_unavailable` when the database cannot take it in time
   */
  write: Write<keyof Repositories>
  /** The same for a unit that ends or removes something: it goes through as well while a full disk has stopped everything else. */
  writeEnding: Write<keyof Repositories>
  /**
   * The same for a unit that looks first and then writes what follows from it: no other such unit runs meanwhile, on any node.
   * It may be run again from its beginning, so it changes nothing but the database.
   */
  writeAlone: Write<keyof Repositories>
  /**
   * The same for a unit with many records. They are laid down beside the tables first, while everybody else writes; the unit puts them
   * in by a few statements, so that others wait for those alone.
   */
  writeStaged: WriteStaged
  /** The same for whoever serves: it takes its turn among the other units of this process. */
  writeStagedInTurn: WriteStaged
  migrations: {
    /** Names of migrations, in order. */
    status(): Promise<{ applied: string[]; pending: string[] }>
    /** Brings the schema up to date. @returns the names applied now */
    migrate(): Promise<string[]>
  }
  /**
   * Asked by whoever hands out something new by `writeAlone`, which goes through on a full disk for the sake of what ends something.
   * @throws Refused `temporarily_unavailable` while a full disk has stopped everything else
   */
  requireDiskSpace(): void
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
