import { ConfigurationFaults } from '../config/configuration-faults.ts'
import type { Config } from '../config/read-config.ts'
import { DEFAULT_RESOURCE, RESOURCE_DEFAULTS } from '../domain/access/api-resource.ts'
import { isSameIdentifier } from '../domain/access/resource-identifier.ts'
import { DEFAULT_API_SCOPES } from '../domain/protocol/scope.ts'
import { loadKeyRing, type MasterKeySource } from '../lib/crypto/master-key.ts'
import { createOutbound, type Outbound } from '../lib/net/outbound.ts'
import type { Clock } from '../lib/time/clock.ts'
import type { StartTime, Timekeeper } from '../lib/time/timekeeper.ts'
import { createSigningKeys, type SigningKeys } from '../oauth/tokens/keys/signing-keys.ts'
import { createAuditWithin } from '../operations/audit/audit.ts'
import { type AheadOfRecord, checkClock } from '../operations/maintenance/check-clock.ts'
import { NotMigrated } from '../store/engine/migrations.ts'
import { type DatabaseOptions, openStore } from '../store/open-store.ts'
import { OutOfService, requireInService } from '../store/repositories/instance/move-state.ts'
import type { Store } from '../store/store.ts'
import { type OpenedKeys, openMasterKeys } from './open-master-keys.ts'

/** What the server and the command line work on: the database, the keys, the time, the world outside. */
export interface Core extends OpenedKeys {
  readonly store: Store
  readonly keys: SigningKeys
  readonly clock: Clock
  readonly time: Timekeeper
  readonly outbound: Outbound
  readonly close: () => Promise<void>
}

/** Whether an instance is made ready to be served or changed, or opened as it is, by whoever only reads. */
export type Opening = 'make ready' | 'as it is'

/**
 * Opens the instance: brings its database up to date and makes its first signing keys, unless it is opened as it is.
 * @throws NotMigrated when it is opened as it is, and that is older than this version
 * @throws MasterKeyFault when the master key is not the one the database was made with
 * @throws OutOfService when it was moved away, is a backup or is only half there
 * @throws ConfigurationFaults when an app is called as the API of the instance
 * @throws ClockAhead when the machine's clock is too far ahead of it; where it may be read all the same, from every write
 */
export async function openCore(
  config: Pick<Config, 'signingAlgorithm' | 'signingKeys' | 'tokens' | 'outbound'> & {
    readonly database: DatabaseOptions
    readonly masterKey: MasterKeySource
  },
  startTime: StartTime,
  whenAhead: AheadOfRecord = 'refuse',
  opening: Opening = 'make ready',
): Promise<Core> {
  // A key that is missing or unreadable is told before a database is touched.
  loadKeyRing(config.masterKey)
  const opened = openStore(config.database)
  try {
    const isMadeReady = opening === 'make ready'
    if (isMadeReady) await opened.migrations.migrate()
    else await requireMigrated(opened)
    await requireInService(opened.read.moveState)
    const openedKeys = await openMasterKeys(opened, config.masterKey, isMadeReady)
    const { time, store } = await checkClock(opened, startTime, whenAhead, createAuditWithin)
    const clock = time.now
    if (isMadeReady) await ensureDefaultResource(store, config.tokens.audience, clock())
    const sealed = openedKeys.masterKeys.rowsFor('signing-keys')
    const { signingAlgorithm: algorithm, signingKeys: schedule } = config
    const { writeAlone } = store
    const { signingKeys } = store.read
    const keys = createSigningKeys({ signingKeys, writeAlone, sealed, clock, algorithm, schedule })
    // Everything can verify RS256; making keys of the others takes time that a start should not. OIDC Discovery §3
    if (isMadeReady) await keys.ensure([...new Set([algorithm, 'RS256'] as const)])
    const outbound = createOutbound(config.outbound)
    const close = async (): Promise<void> => {
      await outbound.close()
      await store.close()
    }
    return { ...openedKeys, store, keys, clock, time, outbound, close }
  } catch (error) {
    await opened.close()
    throw error
  }
}

async function requireMigrated({ migrations, read }: Store): Promise<void> {
  const { pending } = await migrations.status()
  if (pending.length === 0) return
  // A backup says that it is one, however old it is; other old databases may have no table to say it in.
  await requireInService(read.moveState).catch((error: unknown) => {
    if (error instanceof OutOfService) throw error
  })
  throw new NotMigrated(pending)
}

/** An ID token is for an app, and an access token for an API: where both have one name, either passes for the other. */
const nameTaken = (identifier: string): string =>
  `TESSERA_AUDIENCE is ${identifier}, which is the ApplicationUri of an app; give the API of the instance a name of its own`

const sameApi = (identifier: string, registered: string): string =>
  `TESSERA_AUDIENCE is ${identifier}, which names the same API as the resource ${registered}; set it to that, or remove the resource`

/** The API of the instance itself is always there; what it is called and which scopes it has is for administrators. */
async function ensureDefaultResource({ read, writeAlone }: Store, identifier: string, now: number): Promise<void> {
  if (await read.apps.find(identifier)) throw new ConfigurationFaults([nameTaken(identifier)])
  const known = await read.resources.list()
  const isKnown = known.some((resource) => resource.identifier === identifier)
  const same = known.find((resource) => isSameIdentifier(resource.identifier, identifier))
  if (same && !isKnown) throw new ConfigurationFaults([sameApi(identifier, same.identifier)])
  if ((await read.settings.get(DEFAULT_RESOURCE)) !== identifier)
    await writeAlone(({ settings }) => settings.set(DEFAULT_RESOURCE, identifier))
  if (isKnown) return
  const scopes = DEFAULT_API_SCOPES.map((name) => ({ name, description: undefined }))
  await writeAlone(({ resources }) =>
    resources.add({ ...RESOURCE_DEFAULTS, identifier, name: identifier, scopes }, now),
  )
}
