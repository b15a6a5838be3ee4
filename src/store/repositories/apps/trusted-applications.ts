import type { Kysely, Selectable } from 'kysely'
import { concernsTokens, isAnotherKind } from '../../../domain/apps/another-kind.ts'
import type { Named } from '../../../domain/apps/names-by-language.ts'
import {
  APP_DEFAULTS,
  type AppRegistration,
  type AppSecret,
  type NewAppSecret,
  type TrustedApplication,
} from '../../../domain/apps/trusted-application.ts'
import { LOGOUT_NOTICE } from '../../../domain/outbox/logout-notice.ts'
import type { PageQuery } from '../../../domain/records/paging.ts'
import type { SealedRow } from '../../../lib/crypto/sealed-box.ts'
import type { Use } from '../../../lib/flow/last-use.ts'
import { holding, toFlag } from '../../schema/columns.ts'
import type { Schema } from '../../schema/schema.ts'
import { appsNear, inPortions, namesOfApps, pageByName } from '../instance/names.ts'
import { beingRemoved, thoseWithMuch } from '../instance/removals.ts'
import { outboxOn } from '../outbox/outbox.ts'
import { noteEnding, noteEndings } from '../tokens/token-notices.ts'
import { originRows, toColumns, toSecretRow, withSecrets } from './app-rows.ts'
import { type NewestApps, newestApps } from './newest-apps.ts'

const NOTHING_OF_IT = { name: '', clientType: 'None', systemUser: undefined } as const

export type TrustedApplications = ReturnType<typeof trustedApplicationsOn>

/** The registered apps and their secrets. */
export function trustedApplicationsOn(db: Kysely<Schema>) {
  async function indexOrigins(app: AppRegistration): Promise<void> {
    await db.deleteFrom('app_origins').where('application_uri', '=', app.applicationUri).execute()
    const origins = originRows(app)
    if (origins.length > 0) await db.insertInto('app_origins').values(origins).execute()
  }

  async function complete(rows: readonly Selectable<Schema['trusted_applications']>[]): Promise<TrustedApplication[]> {
    if (rows.length === 0) return []
    const uris = rows.map((row) => row.application_uri)
    return withSecrets(
      rows,
      await db.selectFrom('app_secrets').selectAll().where('application_uri', 'in', uris).execute(),
    )
  }

  const there = () => db.selectFrom('trusted_applications').where('removed_at', 'is', null)

  /** Nobody finds it any more, and nothing that was issued to it is good; what there is of that goes bit by bit. */
  async function markRemoved(uris: readonly string[], now: number): Promise<void> {
    if (uris.length === 0) return
    for (const table of ['app_secrets', 'app_origins', 'resource_servers', 'self_registrations'] as const)
      await db.deleteFrom(table).where('application_uri', 'in', uris).execute()
    const { application_uri: _, ...columns } = toColumns({ ...APP_DEFAULTS, ...NOTHING_OF_IT, applicationUri: '' })
    await db
      .updateTable('trusted_applications')
      .set((eb) => ({ ...columns, is_enabled: 0, epoch: eb('epoch', '+', 1), updated_at: now, removed_at: now }))
      .where('application_uri', 'in', uris)
      .execute()
  }

  return {
    async find(applicationUri: string): Promise<TrustedApplication | undefined> {
      const row = await there().selectAll().where('application_uri', '=', applicationUri).executeTakeFirst()
      return row && (await complete([row]))[0]
    },

    /** Every app; for what is done to the whole instance at once. */
    async list(): Promise<TrustedApplication[]> {
      const rows = await there().selectAll().orderBy('application_uri').execute()
      const secrets = await db.selectFrom('app_secrets').selectAll().orderBy('created_at').execute()
      return withSecrets(rows, secrets)
    },

    /** Those whose record names something anywhere, and perhaps some more; found without reading the records of all. */
    naming: async (name: string): Promise<TrustedApplication[]> =>
      complete(
        await there()
          .selectAll()
          // As the record keeps it.
          .where(holding('registration', JSON.stringify(name).slice(1, -1)))
          .orderBy('application_uri')
          .execute(),
      ),

    /** The next apps in the order of their ApplicationUri. */
    page: async (query: PageQuery): Promise<TrustedApplication[]> =>
      complete(await pageByName(db, 'trusted_applications', query)),

    /** The next apps, the newest first. */
    newest: async (query: NewestApps): Promise<TrustedApplication[]> => complete(await newestApps(db, query)),

    /** Those that are there among these, by ApplicationUri. */
    async findEach(uris: Iterable<string>): Promise<Map<string, TrustedApplication>> {
      const apps = await inPortions(uris, async (some) =>
        complete(await there().selectAll().where('application_uri', 'in', some).execute()),
      )
      return new Map(apps.map((app) => [app.applicationUri, app]))
    },

    /** Those among these that were removed, and whose ApplicationUri is free again once all they were issued is cleaned up. */
    beingRemoved: (uris: Iterable<string>): Promise<Set<string>> => beingRemoved(db, 'trusted_applications', uris),

    namesOf: (uris: Iterable<string>): Promise<Map<string, Named>> => namesOfApps(db, uris),

    near: (name: string): Promise<string[]> => appsNear(db, name),

    /** The ApplicationUris of the apps that act as this System User. */
    async actingAs(userId: string): Promise<string[]> {
      const rows = await db
        .selectFrom('trusted_applications')
        .select('application_uri')
        .where('system_user_id', '=', userId)
        .execute()
      return rows.map(({ application_uri }) => application_uri).sort()
    },

    /** Whether any enabled app sends browsers back to this web origin. */
    async anyAtOrigin(origin: string): Promise<boolean> {
      const found = await db
        .selectFrom('app_origins')
        .innerJoin('trusted_applications', 'trusted_applications.application_uri', 'app_origins.application_uri')
        .select('origin')
        .where('origin', '=', origin)
        .where('is_enabled', '=', 1)
        .executeTakeFirst()
      return found !== undefined
    },

    /**
     * The first epoch is above every one that an app of the same ApplicationUri can have had before it was removed.
     * @returns false when the ApplicationUri is taken
     */
    async add(app: AppRegistration, now: number): Promise<boolean> {
      const added = await db
        .insertInto('trusted_applications')
        .values({ ...toColumns(app), is_enabled: 1, epoch: now, created_at: now, updated_at: now })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      if (added.numInsertedOrUpdatedRows !== 1n) return false
      await indexOrigins(app)
      return true
    },

    /** Where the app becomes another kind of client or acts as somebody else, what was issued to it so far ends. */
    async update(app: AppRegistration, now: number): Promise<void> {
      const before = await this.find(app.applicationUri)
      const ends = before && isAnotherKind(before, app)
      await db
        .updateTable('trusted_applications')
        .set((eb) => ({ ...toColumns(app), epoch: eb('epoch', '+', ends ? 1 : 0), updated_at: now }))
        .where('application_uri', '=', app.applicationUri)
        .execute()
      await indexOrigins(app)
      // Less may be allowed now, even where nothing ends.
      if (before && concernsTokens(before, app)) await noteEnding(db, { app: app.applicationUri }, now)
    },

    /** The kill switch: disabling ends everything issued so far, and enabling again revives none of it. */
    async setEnabled(applicationUri: string, enabled: boolean, now: number): Promise<void> {
      await db
        .updateTable('trusted_applications')
        .set((eb) => ({ is_enabled: toFlag(enabled), epoch: eb('epoch', '+', 1), updated_at: now }))
        .where('application_uri', '=', applicationUri)
        .where('is_enabled', '=', toFlag(!enabled))
        .execute()
      await noteEnding(db, { app: applicationUri }, now)
    },

    async addSecret(applicationUri: string, secret: NewAppSecret): Promise<void> {
      await db.insertInto('app_secrets').values(toSecretRow(applicationUri, secret)).execute()
    },

    async removeSecret(applicationUri: string, id: string): Promise<void> {
      await db.deleteFrom('app_secrets').where('application_uri', '=', applicationUri).where('id', '=', id).execute()
    },

    /** Gives a secret another label and end. */
    async updateSecret(id: string, { label, expiresAt }: Pick<AppSecret, 'label' | 'expiresAt'>): Promise<void> {
      await db
        .updateTable('app_secrets')
        .set({ label: label ?? null, expires_at: expiresAt ?? null })
        .where('id', '=', id)
        .execute()
    },

    /** Keeps a secret that is known by its hash in a form that can be opened as well. */
    async sealSecret(id: string, sealed: SealedRow): Promise<void> {
      await db.updateTable('app_secrets').set({ sealed_secret: sealed }).where('id', '=', id).execute()
    },

    /** Keeps nothing of the secrets of an app but their hashes. */
    async forgetSealedSecrets(applicationUri: string): Promise<void> {
      await db
        .updateTable('app_secrets')
        .set({ sealed_secret: null })
        .where('application_uri', '=', applicationUri)
        .where('sealed_secret', 'is not', null)
        .execute()
    },

    /** Notes when secrets proved their apps. */
    async touchSecrets(uses: readonly Use[]): Promise<void> {
      for (const { id, at } of uses)
        await db.updateTable('app_secrets').set({ last_used_at: at }).where('id', '=', id).execute()
    },

    /** Lets every present secret end at a time, so that a new one can take over. */
    async expireSecrets(applicationUri: string, expiresAt: number): Promise<void> {
      await db
        .updateTable('app_secrets')
        .set({ expires_at: expiresAt })
        .where('application_uri', '=', applicationUri)
        .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', expiresAt)]))
        .execute()
    },

    /** Forgets secrets that can no longer be used. */
    async dropExpiredSecrets(applicationUri: string, now: number): Promise<void> {
      await db
        .deleteFrom('app_secrets')
        .where('application_uri', '=', applicationUri)
        .where('expires_at', '<=', now)
        .execute()
    },

    remove(applicationUri: string, now: number): Promise<void> {
      return this.removeEach([applicationUri], now)
    },

    async removeEach(uris: readonly string[], now: number): Promise<void> {
      await inPortions(uris, async (some) => {
        const large = await thoseWithMuch(db, 'trusted_applications', some)
        const small = some.filter((uri) => !large.includes(uri))
        if (small.length > 0)
          await db.deleteFrom('trusted_applications').where('application_uri', 'in', small).execute()
        await outboxOn(db).forget(LOGOUT_NOTICE.name, small)
        await markRemoved(large, now)
        await noteEndings(
          db,
          some.map((app) => ({ app })),
          now,
        )
        return []
      })
    },
  }
}
