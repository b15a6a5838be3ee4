import type { Selectable } from 'kysely'
import {
  APP_DEFAULTS,
  type AppRegistration,
  type AppSecret,
  type NewAppSecret,
  type TrustedApplication,
} from '../../../domain/apps/trusted-application.ts'
import { originOf } from '../../../domain/protocol/redirect-uri.ts'
import type { SealedRow } from '../../../lib/crypto/sealed-box.ts'
import type { Schema } from '../../schema/schema.ts'

const toSecret = (row: Selectable<Schema['app_secrets']>): AppSecret => ({
  id: row.id,
  hash: row.hash,
  label: row.label ?? undefined,
  createdAt: row.created_at,
  expiresAt: row.expires_at ?? undefined,
  lastUsedAt: row.last_used_at ?? undefined,
  sealed: (row.sealed_secret ?? undefined) as SealedRow | undefined,
})

/** What a row means that was written before there was such an attribute, where the default has become another one since. */
const UNSAID = { requirePkce: false } as const

const toApp = (row: Selectable<Schema['trusted_applications']>, secrets: readonly AppSecret[]): TrustedApplication => ({
  ...APP_DEFAULTS,
  ...UNSAID,
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

/** Apps from their rows and those of their secrets. */
export function withSecrets(
  rows: readonly Selectable<Schema['trusted_applications']>[],
  secrets: readonly Selectable<Schema['app_secrets']>[],
): TrustedApplication[] {
  const byApp = new Map(rows.map((row) => [row.application_uri, [] as AppSecret[]]))
  for (const secret of secrets.toSorted((a, b) => a.created_at - b.created_at))
    byApp.get(secret.application_uri)?.push(toSecret(secret))
  return rows.map((row) => toApp(row, byApp.get(row.application_uri) ?? []))
}

/** What is declared about an app, as its row keeps it. */
export const toColumns = ({ applicationUri, systemUser, ...registration }: AppRegistration) => ({
  application_uri: applicationUri,
  system_user_id: systemUser ?? null,
  registration: JSON.stringify(registration),
})

/** The row of a secret that was never used. */
export const toSecretRow = (applicationUri: string, secret: NewAppSecret) => ({
  id: secret.id,
  application_uri: applicationUri,
  hash: secret.hash,
  label: secret.label ?? null,
  created_at: secret.createdAt,
  expires_at: secret.expiresAt ?? null,
  last_used_at: null,
  sealed_secret: secret.sealed ?? null,
})

/** The origins of the web to which an app has browsers sent back. */
export function originRows({ applicationUri, impersonateLoginUrl }: AppRegistration) {
  const origins = new Set(impersonateLoginUrl.map(originOf).filter((origin) => origin !== undefined))
  return [...origins].map((origin) => ({ origin, application_uri: applicationUri }))
}
