import { showRegistration } from '../../domain/apps/app-attributes.ts'
import { isValidSecret } from '../../domain/apps/app-secret.ts'
import type { AppSecret, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { User } from '../../domain/users/user.ts'
import { showUser } from '../../domain/users/user-attributes.ts'
import { isoTime } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import type { Kind } from './fault.ts'

export type Unit = Pick<
  Repositories,
  'apps' | 'users' | 'signInAttempts' | 'resources' | 'settings' | 'selfRegistrations' | 'auditEvents'
>

/** Attributes and values, as files write them. */
export type Fields = Readonly<Record<string, unknown>>

/** The records of an instance under their ids, as plans compare them; secrets as fingerprints alone. */
export type Description = Readonly<Record<Kind, ReadonlyMap<string, Fields>>>

/** Looks up logins by id. */
export function loginsOf(users: readonly User[]): (id: string) => string | undefined {
  const logins = new Map(users.map(({ id, login }) => [id, login]))
  return (id) => logins.get(id)
}

/** A user without the id, which another instance gives anew. */
export function describeUser(user: User): Fields {
  const { id, ...fields } = showUser(user)
  return fields
}

/** The declarative attributes and the kill switch; the SystemUser is a login. */
export const describeRecord = (app: TrustedApplication, loginOf: (id: string) => string | undefined): Fields => ({
  ...showRegistration(app),
  SystemUser: app.systemUser === undefined ? null : (loginOf(app.systemUser) ?? app.systemUser),
  IsEnabled: app.isEnabled,
})

/** The record of an app with fingerprints of its secrets. @param now milliseconds since 1970 */
export const describeApp = (
  app: TrustedApplication,
  loginOf: (id: string) => string | undefined,
  now: number,
): Fields => ({
  ...describeRecord(app, loginOf),
  ApplicationSecretHash: validSecrets(app, now).map(fingerprint).join(', ') || null,
})

/** The secrets that open something, in an order that every instance gives them. */
export const validSecrets = ({ secrets }: TrustedApplication, now: number): AppSecret[] =>
  secrets.filter((secret) => isValidSecret(secret, now)).sort((a, b) => (a.hash < b.hash ? -1 : 1))

function fingerprint({ hash, label, expiresAt }: AppSecret): string {
  const named = label === undefined ? '' : ` ${JSON.stringify(label)}`
  const end = expiresAt === undefined ? '' : ` until ${isoTime(expiresAt)}`
  return `sha256:${hash.slice(0, 8)}…${named}${end}`
}
