import { isoTime } from '../../lib/time/clock.ts'
import { APP_ATTRIBUTES, showRegistration } from './app-attributes.ts'
import type { Shown } from './attribute-kinds.ts'
import { APP_DEFAULTS, type AppRegistration, type AppSecret, type TrustedApplication } from './trusted-application.ts'

const timeOf = (milliseconds: number | undefined): string | null =>
  milliseconds === undefined ? null : isoTime(milliseconds)

/** What may be told of a secret; its hash may not. */
export const showSecret = ({ id, label, createdAt, expiresAt }: AppSecret) => ({
  Id: id,
  Label: label ?? null,
  CreatedAt: isoTime(createdAt),
  ExpiresAt: timeOf(expiresAt),
})

/** The same, with the moment of its last use, which no ETag covers. */
export const showSecretUse = (secret: AppSecret) => ({ ...showSecret(secret), LastUsedAt: timeOf(secret.lastUsedAt) })

/** The whole record under its documented names. @param systemUser the login to show in place of the id */
export const showApp = (app: TrustedApplication, systemUser: string | undefined) => ({
  ...showRegistration(app),
  SystemUser: systemUser ?? app.systemUser ?? null,
  IsEnabled: app.isEnabled,
  Secrets: app.secrets.map(showSecret),
  CreatedAt: isoTime(app.createdAt),
  UpdatedAt: isoTime(app.updatedAt),
})

/** A value as a JSON record may give it: a list also as what it is. */
export type Said = Shown | readonly string[]

/**
 * Reads the declarative attributes of a JSON record whose types are right already; `null` asks for the default again.
 * @param defaults what each attribute is where nothing is said
 */
export function readAppChanges(
  body: Readonly<Record<string, Said | undefined>>,
  defaults: Pick<AppRegistration, 'name' | 'clientType'>,
): Partial<AppRegistration> {
  const defaultApp: AppRegistration = { ...APP_DEFAULTS, applicationUri: '', ...defaults }
  const changes = APP_ATTRIBUTES.filter(({ name }) => body[name] !== undefined).map(
    ({ name, read, readParts, show }) => {
      const value = body[name] ?? show(defaultApp)
      return (
        (typeof value === 'object' && value !== null ? readParts(value) : read(value === null ? '' : String(value))) ??
        {}
      )
    },
  )
  return Object.assign({}, ...changes) as Partial<AppRegistration>
}
