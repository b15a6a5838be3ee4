import type { ClientType } from '../../domain/apps/app-choices.ts'
import {
  readAppChanges,
  type Said,
  showApp,
  showSecret,
  showSecretUses,
  unreadableIn,
} from '../../domain/apps/app-record.ts'
import { APP_DEFAULTS, type AppRegistration, type TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { Page, PageQuery } from '../../domain/records/paging.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import type { SealedRows } from '../../lib/crypto/master-keys.ts'
import { digest, newId, newSecret, type Random } from '../../lib/crypto/secrets.ts'
import { type Clock, DAY } from '../../lib/time/clock.ts'
import { readDuration } from '../../lib/time/duration.ts'
import { readTime } from '../../lib/time/read-time.ts'
import type { Repositories } from '../../store/store.ts'
import { invalidChange, isInvalidChange } from '../change/refuse-change.ts'
import type { Actor, RunChange } from '../change/run-change.ts'
import { orSuggestion } from '../change/suggest.ts'
import { type Expected, requireExpected, versionOfApp } from '../change/versions.ts'
import { warningsAbout, warningsAboutSecrets } from './app-warnings.ts'
import { registerApp, registrationOf, removeApp, requireApp, setAppEnabled, updateApp } from './apps.ts'
import { type ShownLogout, showLogouts } from './logouts.ts'
import { readNewestApps } from './newest-apps.ts'
import { addAppSecret, removeAppSecret, rotateAppSecret } from './secrets.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'apps' | 'users' | 'outbox'>
  readonly runChange: RunChange<
    'apps' | 'users' | 'resources' | 'settings' | 'masterKey' | 'selfRegistrations' | 'auditEvents'
  >
  readonly clock: Clock
  readonly random: Random
  readonly sealedSecrets: Pick<SealedRows, 'sealIn'>
}

/** A JSON record whose members have the right names and types. */
export type AppInput = Readonly<Record<string, Said | undefined>> & {
  readonly ApplicationUri?: string
  readonly IsEnabled?: boolean
  readonly ApplicationSecretHash?: string
}

export interface SecretInput {
  readonly Label?: string | null
  readonly ExpiresAt?: string | null
  readonly ApplicationSecretHash?: string
  /** How long those that are valid stay so, such as `7d`, or `0`; they all do where nothing is said. */
  readonly Overlap?: string
}

export type ManageApps = ReturnType<typeof createManageApps>

/** Apps as the administration API handles them: each change is checked, stored and audited in one unit of work. */
export function createManageApps({ read, runChange, clock, random, sealedSecrets }: Dependencies) {
  async function describe(
    app: TrustedApplication,
    { users }: Pick<Repositories, 'users'>,
    asked: Partial<AppRegistration> = {},
  ) {
    const user = app.systemUser === undefined ? undefined : await users.find(app.systemUser)
    const warnings = [...warningsAbout(app, asked), ...warningsAboutSecrets(app, clock())]
    return { record: showApp(app, user?.login), version: versionOfApp(app), warnings }
  }

  const find = (applicationUri: string): Promise<TrustedApplication> =>
    orSuggestion(read, requireApp(read, applicationUri))

  return {
    find: async (applicationUri: string) => describe(await find(applicationUri), read),

    secrets: async (applicationUri: string) => showSecretUses(await find(applicationUri)),

    /** The newest first. */
    async page(query: PageQuery): Promise<Page<ReturnType<typeof showApp>>> {
      const { items, next } = await readNewestApps(read, query)
      const logins = await read.users.loginsOf(items.flatMap(({ systemUser }) => systemUser ?? []))
      return { items: items.map((app) => showApp(app, logins.get(app.systemUser ?? ''))), next }
    },

    logouts: (applicationUri: string, query: PageQuery): Promise<Page<ShownLogout>> =>
      orSuggestion(read, showLogouts(read, applicationUri, query)),

    register: (body: AppInput, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        const applicationUri = body.ApplicationUri ?? ''
        const defaults = { name: applicationUri, clientType: body['ClientType'] as ClientType }
        const asked = readAppChanges(body, defaults)
        const wanted = { ...APP_DEFAULTS, ...defaults, applicationUri, ...asked }
        const hash = body.ApplicationSecretHash
        const misplaced = hash !== undefined && wanted.clientType !== 'Confidential'
        const faults = [...(misplaced ? [SECRET_OF_NOBODY] : []), ...unreadableIn(body)]
        await together(faults, () => registerApp(unit, wanted, context))
        if (hash !== undefined) await addAppSecret(unit, applicationUri, toSecret({ hash }, context.now), context)
        if (body.IsEnabled === false) await setAppEnabled(unit, applicationUri, false, context)
        return describe(await requireApp(unit, applicationUri), unit, asked)
      }),

    patch: (applicationUri: string, body: AppInput, expected: Expected, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        const before = await requireApp(unit, applicationUri)
        requireExpected(versionOfApp(before), expected)
        const registration = registrationOf(before)
        const changes = readAppChanges(body, { name: applicationUri, clientType: before.clientType }, registration)
        const wanted = { ...registration, ...changes }
        const faults = [...whyRenamed(body, applicationUri), ...unreadableIn(body)]
        // The kill switch alone must work even where the rest of the record no longer does.
        const changesRecord = faults.length > 0 || Object.keys(changes).length > 0
        if (changesRecord) await together(faults, () => updateApp(unit, wanted, context))
        if (body.IsEnabled !== undefined) await setAppEnabled(unit, applicationUri, body.IsEnabled, context)
        return describe(await requireApp(unit, applicationUri), unit, changes)
      }),

    remove: (applicationUri: string, expected: Expected, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        requireExpected(versionOfApp(await requireApp(unit, applicationUri)), expected)
        await removeApp(unit, applicationUri, context)
      }),

    /** Takes a hash made elsewhere, or makes a secret that is shown this once. */
    addSecret: (applicationUri: string, body: SecretInput, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        const made = body.ApplicationSecretHash === undefined ? newSecret(random) : undefined
        const hash = body.ApplicationSecretHash ?? digest(made ?? '')
        const secret = toSecret(
          { hash, label: body.Label, expiresAt: readEnd(body.ExpiresAt, context.now) },
          context.now,
        )
        const sealed = made === undefined ? undefined : (await sealedSecrets.sealIn(unit))(made, secret.id)
        const overlap = readOverlap(body.Overlap)
        const added = { ...secret, sealed }
        if (overlap === undefined) await addAppSecret(unit, applicationUri, added, context)
        else await rotateAppSecret(unit, applicationUri, { secret: added, overlap }, context)
        const shown = showSecret({ ...secret, lastUsedAt: undefined })
        return { ...shown, ...(made === undefined ? {} : { ApplicationSecret: made }) }
      }),

    removeSecret: (applicationUri: string, id: string, actor: Actor) =>
      runChange(actor, (unit, context) => removeAppSecret(unit, applicationUri, id, context)),
  }
}

const LONGEST_OVERLAP = 365 * DAY

const SECRET_OF_NOBODY: Fault = {
  attribute: 'ApplicationSecretHash',
  reason: 'only a Confidential app has a secret',
}

/** Adds what is wrong with a request to what its change itself is refused for, so that all of it is told at once. */
async function together<T>(faults: readonly Fault[], work: () => Promise<T>): Promise<T> {
  const done = await work().catch((error: unknown) => {
    if (!isInvalidChange(error)) throw error
    throw invalidChange([...faults, ...error.faults])
  })
  if (faults.length > 0) throw invalidChange(faults)
  return done
}

function whyRenamed({ ApplicationUri: wanted }: AppInput, applicationUri: string): Fault[] {
  if (wanted === undefined || wanted === applicationUri) return []
  const reason = 'cannot be changed, as it is the client_id; register a new app and remove this one'
  return [{ attribute: 'ApplicationUri', reason }]
}

interface SecretFields {
  readonly hash: string
  readonly label?: string | null | undefined
  readonly expiresAt?: number | undefined
}

const toSecret = ({ hash, label, expiresAt }: SecretFields, now: number) => ({
  id: newId(),
  hash,
  label: label ?? undefined,
  createdAt: now,
  expiresAt,
})

function readEnd(text: string | null | undefined, now: number): number | undefined {
  if (text === undefined || text === null) return undefined
  const time = readTime(text)
  if (time !== undefined && time > now) return time
  const reason = time === undefined ? 'expects a time such as 2030-01-31T00:00:00Z' : 'is in the past'
  throw invalidChange([{ attribute: 'ExpiresAt', reason }])
}

/** @returns milliseconds @throws Refused `invalid_change` */
function readOverlap(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const overlap = readDuration(text)
  if (overlap !== undefined && overlap <= LONGEST_OVERLAP) return overlap
  throw invalidChange([{ attribute: 'Overlap', reason: 'expects a length of time up to 365d, such as 0, 12h or 7d' }])
}
