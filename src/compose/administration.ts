import { createManageApps } from '../admin/apps/manage-apps.ts'
import { createManageInitialTokens } from '../admin/apps/manage-initial-tokens.ts'
import { createManageResources } from '../admin/apps/manage-resources.ts'
import { createManageSettings } from '../admin/change/manage-settings.ts'
import { createReadLogs } from '../admin/change/read-logs.ts'
import { createRunChange } from '../admin/change/run-change.ts'
import { createManageConsents } from '../admin/grants/manage-consents.ts'
import { createManageKeys } from '../admin/grants/manage-keys.ts'
import { createManageOwnTokens } from '../admin/grants/manage-own-tokens.ts'
import { createManageSessions } from '../admin/grants/manage-sessions.ts'
import { createManageSignIns } from '../admin/grants/manage-sign-ins.ts'
import { createManageTokens } from '../admin/grants/manage-tokens.ts'
import { createManageUsers } from '../admin/users/manage-users.ts'
import type { Config } from '../config/read-config.ts'
import { createManageFiles } from '../config-files/apply/manage-files.ts'
import type { ReadCatalogue } from '../domain/access/resource-indicators.ts'
import { APP_SECRETS } from '../domain/apps/app-secret.ts'
import type { Audit } from '../domain/instance/audit.ts'
import type { SealedRows } from '../lib/crypto/master-keys.ts'
import type { Passwords } from '../lib/crypto/passwords.ts'
import type { Random } from '../lib/crypto/secrets.ts'
import type { WhileOutside } from '../lib/flow/outside.ts'
import type { GrantRegistry } from '../oauth/grants/registry.ts'
import { createForgetUnused } from '../oauth/registration/forget-unused.ts'
import { createRegistration } from '../oauth/registration/registration.ts'
import { createCountRegistrations } from '../oauth/registration/registration-limits.ts'
import type { Core } from './core.ts'
import { givenAway } from './scopes-to-give.ts'

interface Around {
  readonly random: Random
  readonly whileOutside: WhileOutside
  readonly passwords: Passwords
  readonly audit: Pick<Audit, 'within'>
  /** Stores what still waits to be recorded. */
  readonly flush: () => Promise<unknown>
  /** Seals secrets that apps sign with. */
  readonly sealedSecrets: Pick<SealedRows, 'sealIn'>
  readonly grants: Pick<GrantRegistry, 'offered'>
  readonly readCatalogue: ReadCatalogue
  /** Whether a sign-in session has neither been ended nor run out. */
  readonly isSessionOpen: (sid: string) => Promise<boolean>
}

/** What changes records for whoever asks over HTTP, put together: administrators, people themselves, apps that register themselves. */
export function createAdministration(
  {
    issuer,
    http,
    responseTypes,
    registration: policy,
    tokens,
    sessions: limits,
    shown: processSettings,
  }: Pick<Config, 'issuer' | 'http' | 'responseTypes' | 'registration' | 'tokens' | 'sessions' | 'shown'>,
  {
    store: { read, write, writeAlone, writeStagedInTurn: writeStaged, requireDiskSpace },
    keys,
    clock,
    outbound,
    masterKeys,
  }: Pick<Core, 'store' | 'keys' | 'clock' | 'outbound' | 'masterKeys'>,
  { random, whileOutside, passwords, audit, flush, sealedSecrets, grants, readCatalogue, isSessionOpen }: Around,
) {
  const here = { issuer, hosts: http.hosts, whyNotFetchable: outbound.whyNotFetchable }
  const runChange = createRunChange({ read, writeAlone, clock, here, audit })
  const given = givenAway({ registration: policy, tokens })
  const grantTypes = grants.offered.flatMap(({ type, actsFor }) => (actsFor === 'person' ? [type] : []))
  return {
    registration: createRegistration({
      read,
      requireDiskSpace,
      counts: createCountRegistrations({ read, write, clock, limits: policy }),
      runChange,
      clock,
      random,
      outbound,
      whileOutside,
      policy,
      offer: { responseTypes, grantTypes },
      readCatalogue,
      here,
      defaultAlgorithm: keys.algorithm,
      sealedSecrets,
      issuer,
    }),
    forgetUnused: createForgetUnused({
      selfRegistrations: read.selfRegistrations,
      runChange,
      clock,
      unusedFor: policy.unusedFor,
    }),
    manage: {
      apps: createManageApps({ read, runChange, clock, random, sealedSecrets }),
      tokens: createManageTokens({ read, requireDiskSpace, runChange, clock, random }),
      resources: createManageResources({ read, runChange, given }),
      initialTokens: createManageInitialTokens({ read, requireDiskSpace, runChange, clock, random, policy }),
      ownTokens: createManageOwnTokens({ read, runChange, clock, isSessionOpen }),
      signIns: createManageSignIns({ read, runChange, clock, limits }),
      sessions: createManageSessions({ read, runChange, clock }),
      consents: createManageConsents({ read, runChange }),
      users: createManageUsers({ read, runChange, clock, hashPassword: passwords.hash }),
      keys: createManageKeys({ read, runChange, keys, clock }),
      settings: createManageSettings({ read, runChange, processSettings }),
      files: createManageFiles({
        read,
        writeStaged,
        passwords,
        sealAhead: masterKeys.rowsFor(APP_SECRETS).sealAhead,
        given,
        clock,
        here,
        audit,
      }),
      logs: createReadLogs({ read, flush }),
    },
  }
}
