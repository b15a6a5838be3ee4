import type { Kysely, Selectable } from 'kysely'
import { originOf } from '../domain/redirect-uri.ts'
import {
  APP_DEFAULTS,
  type AppRegistration,
  type AppSecret,
  type NewAppSecret,
  type TrustedApplication,
} from '../domain/trusted-application.ts'
import { toFlag } from './columns.ts'
import type { Schema } from './schema.ts'

const toSecret = (row: Selectable<Schema['app_secrets']>): AppSecret => ({
  id: row.id,
  hash: row.hash,
  label: row.label ?? undefined,
  createdAt: row.created_at,
  expiresAt: row.expires_at ?? undefined,
  lastUsedAt: row.last_used_at ?? undefined,
})

const toApp = (row: Selectable<Schema['trusted_applications']>, secrets: readonly AppSecret[]): TrustedApplication => ({
  ...APP_DEFAULTS,
  ...(JSON.parse(row.registration) as AppRegistration),
  // The columns decide where JSON has no `undefined` or the database guards a reference.
  applicationUri: row.application_uri,
  systemUser: row.system_user_id ?? undefined,
  secrets,
  isEnabled: row.is_enabled === 1,
  epoch: row.epoch,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

const toColumns = ({ applicationUri, systemUser, ...registration }: AppRegistration) => ({
  application_uri: applicationUri,
  system_user_id: systemUser ?? null,
  registration: JSON.stringify(registration),
})

export type TrustedApplications = ReturnType<typeof trustedApplicationsOn>

/** The registered apps and their secrets. */
export function trustedApplicationsOn(db: Kysely<Schema>) {
  async function indexOrigins(app: AppRegistration): Promise<void> {
    await db.deleteFrom('app_origins').where('application_uri', '=', app.applicationUri).execute()
    const origins = new Set(app.impersonateLoginUrl.map(originOf).filter((origin) => origin !== undefined))
    if (origins.size === 0) return
    await db
      .insertInto('app_origins')
      .values([...origins].map((origin) => ({ origin, application_uri: app.applicationUri })))
      .execute()
  }

  return {
    async find(applicationUri: string): Promise<TrustedApplication | undefined> {
      const row = await db
        .selectFrom('trusted_applications')
        .selectAll()
        .where('application_uri', '=', applicationUri)
        .executeTakeFirst()
      if (!row) return undefined
      const secrets = await db
        .selectFrom('app_secrets')
        .selectAll()
        .where('application_uri', '=', applicationUri)
        .orderBy('created_at')
        .execute()
      return toApp(row, secrets.map(toSecret))
    },

    async list(): Promise<TrustedApplication[]> {
      const rows = await db.selectFrom('trusted_applications').selectAll().orderBy('application_uri').execute()
      const secrets = await db.selectFrom('app_secrets').selectAll().orderBy('created_at').execute()
      const byApp = new Map(rows.map((row) => [row.application_uri, [] as AppSecret[]]))
      for (const secret of secrets) byApp.get(secret.application_uri)?.push(toSecret(secret))
      return rows.map((row) => toApp(row, byApp.get(row.application_uri) ?? []))
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

    /** @returns false when the ApplicationUri is taken */
    async add(app: AppRegistration, now: number): Promise<boolean> {
      const added = await db
        .insertInto('trusted_applications')
        .values({ ...toColumns(app), is_enabled: 1, epoch: 1, created_at: now, updated_at: now })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      if (added.numInsertedOrUpdatedRows !== 1n) return false
      await indexOrigins(app)
      return true
    },

    async update(app: AppRegistration, now: number): Promise<void> {
      await db
        .updateTable('trusted_applications')
        .set({ ...toColumns(app), updated_at: now })
        .where('application_uri', '=', app.applicationUri)
        .execute()
      await indexOrigins(app)
    },

    /** The kill switch: disabling ends everything issued so far, and enabling again revives none of it. */
    async setEnabled(applicationUri: string, enabled: boolean, now: number): Promise<void> {
      await db
        .updateTable('trusted_applications')
        .set((eb) => ({ is_enabled: toFlag(enabled), epoch: eb('epoch', '+', 1), updated_at: now }))
        .where('application_uri', '=', applicationUri)
        .where('is_enabled', '=', toFlag(!enabled))
        .execute()
    },

    async addSecret(applicationUri: string, secret: NewAppSecret): Promise<void> {
      await db
        .insertInto('app_secrets')
        .values({
          id: secret.id,
          application_uri: applicationUri,
          hash: secret.hash,
          label: secret.label ?? null,
          created_at: secret.createdAt,
          expires_at: secret.expiresAt ?? null,
          last_used_at: null,
        })
        .execute()
    },

    /** Notes that a secret proved its app. */
    async touchSecret(id: string, now: number): Promise<void> {
      await db.updateTable('app_secrets').set({ last_used_at: now }).where('id', '=', id).execute()
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

    async removeSecret(id: string): Promise<void> {
      await db.deleteFrom('app_secrets').where('id', '=', id).execute()
    },

    async remove(applicationUri: string): Promise<void> {
      await db.deleteFrom('trusted_applications').where('application_uri', '=', applicationUri).execute()
    },
  }
}
