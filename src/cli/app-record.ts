import { type Shown, showRegistration } from '../domain/app-attributes.ts'
import { didYouMean } from '../domain/nearest.ts'
import type { AppRegistration, TrustedApplication } from '../domain/trusted-application.ts'
import type { Repositories } from '../repositories/store.ts'
import { isoTime } from './output.ts'
import { impossible } from './problem.ts'

/** The login to show instead of a System User's id. */
export type LoginOf = (id: string) => string | undefined

/** The declarative attributes as commands print them: the SystemUser is a login. */
export const attributesOf = (app: AppRegistration, loginOf: LoginOf): Record<string, Shown> => ({
  ...showRegistration(app),
  SystemUser: app.systemUser === undefined ? null : (loginOf(app.systemUser) ?? app.systemUser),
})

/** A whole record as commands print it; of secrets all but the secret and its hash. */
export const recordOf = (app: TrustedApplication, loginOf: LoginOf) => ({
  ...attributesOf(app, loginOf),
  IsEnabled: app.isEnabled,
  Secrets: app.secrets.map((secret) => ({
    Id: secret.id,
    Label: secret.label ?? null,
    CreatedAt: isoTime(secret.createdAt),
    ExpiresAt: secret.expiresAt === undefined ? null : isoTime(secret.expiresAt),
    LastUsedAt: secret.lastUsedAt === undefined ? null : isoTime(secret.lastUsedAt),
  })),
  CreatedAt: isoTime(app.createdAt),
  UpdatedAt: isoTime(app.updatedAt),
})

/** Knows the logins of every System User that these apps act as. */
export async function loginsFor(
  apps: readonly AppRegistration[],
  { users }: Pick<Repositories, 'users'>,
): Promise<LoginOf> {
  const ids = new Set(apps.map((app) => app.systemUser).filter((id) => id !== undefined))
  const logins = new Map<string, string | undefined>()
  for (const id of ids) logins.set(id, (await users.find(id))?.login)
  return (id) => logins.get(id)
}

/** @throws Problem when no app has that ApplicationUri */
export async function requireApp(
  { apps }: Pick<Repositories, 'apps'>,
  applicationUri: string,
): Promise<TrustedApplication> {
  const app = await apps.find(applicationUri)
  if (app) return app
  const known = (await apps.list()).map((other) => other.applicationUri)
  const similar = didYouMean(applicationUri, known) || '; tessera app list shows every app'
  throw impossible(`no app has the ApplicationUri ${JSON.stringify(applicationUri)}${similar}`)
}
