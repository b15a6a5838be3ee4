import { showRegistration } from '../../domain/apps/app-attributes.ts'
import { showApp, showSecretUses } from '../../domain/apps/app-record.ts'
import type { Shown } from '../../domain/apps/attribute-kinds.ts'
import type { AppRegistration, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { Repositories } from '../../store/store.ts'

/** The login to show instead of a System User's id. */
export type LoginOf = (id: string) => string | undefined

/** The declarative attributes as commands print them: the SystemUser is a login. */
export const attributesOf = (app: AppRegistration, loginOf: LoginOf): Record<string, Shown> => ({
  ...showRegistration(app),
  SystemUser: app.systemUser === undefined ? null : (loginOf(app.systemUser) ?? app.systemUser),
})

/** A whole record as commands print it; of secrets all but the secret and its hash. */
export const recordOf = (app: TrustedApplication, loginOf: LoginOf) => ({
  ...showApp(app, app.systemUser === undefined ? undefined : loginOf(app.systemUser)),
  Secrets: showSecretUses(app),
})

/** Knows the logins of every System User that these apps act as. */
export async function loginsFor(
  apps: readonly AppRegistration[],
  { users }: Pick<Repositories, 'users'>,
): Promise<LoginOf> {
  const logins = await users.loginsOf(apps.flatMap((app) => app.systemUser ?? []))
  return (id) => logins.get(id)
}
