import { isoTime } from '../../lib/time/clock.ts'
import type { Fault } from '../refusals/errors.ts'
import { APP_ATTRIBUTES, type AppAttribute, showRegistration } from './app-attributes.ts'
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

/** The same of all secrets of an app, newest first, with the moment of the last use, which no ETag covers. */
export const showSecretUses = ({ secrets }: Pick<TrustedApplication, 'secrets'>) =>
  secrets.toReversed().map((secret) => ({ ...showSecret(secret), LastUsedAt: timeOf(secret.lastUsedAt) }))

/** The whole record under its documented names, its newest secret first. @param systemUser the login to show in place of the id */
export const showApp = (app: TrustedApplication, systemUser: string | undefined) => ({
  ...showRegistration(app),
  SystemUser: systemUser ?? app.systemUser ?? null,
  IsEnabled: app.isEnabled,
  Secrets: app.secrets.toReversed().map(showSecret),
  CreatedAt: isoTime(app.createdAt),
  UpdatedAt: isoTime(app.updatedAt),
})

/** A value as a JSON record may give it: a list, and names by language, also as what they are. */
export type Said = Shown | readonly string[] | Readonly<Record<string, string | null>>

const blank = (defaults: Pick<AppRegistration, 'name' | 'clientType'>): AppRegistration => ({
  ...APP_DEFAULTS,
  applicationUri: '',
  ...defaults,
})
const BLANK = blank({ name: '', clientType: 'None' })

/**
 * Reads the declarative attributes of a JSON record whose types are right already; `null` asks for the default again.
 * @param defaults what each attribute is where nothing is said
 * @param before what an attribute that is an object is merged with
 */
export function readAppChanges(
  body: Readonly<Record<string, Said | undefined>>,
  defaults: Pick<AppRegistration, 'name' | 'clientType'>,
  before = BLANK,
): Partial<AppRegistration> {
  const defaultApp = blank(defaults)
  const changes = APP_ATTRIBUTES.filter(({ name }) => body[name] !== undefined).map(
    (attribute) => readSaid(attribute, body[attribute.name] ?? attribute.show(defaultApp), before) ?? {},
  )
  return Object.assign({}, ...changes) as Partial<AppRegistration>
}

/** The change that a value asks for; `undefined` when it cannot be read. */
function readSaid(
  { read, readParts, readMembers }: AppAttribute,
  value: Said,
  before: AppRegistration,
): Partial<AppRegistration> | undefined {
  if (value === null || typeof value !== 'object') return read(value === null ? '' : String(value))
  return Array.isArray(value) ? readParts(value) : readMembers(value, before)
}

/** What of a JSON record has the right type and cannot be read all the same. */
export const unreadableIn = (body: Readonly<Record<string, Said | undefined>>): Fault[] =>
  APP_ATTRIBUTES.flatMap((attribute) => {
    const { name, expects } = attribute
    const value = body[name] ?? null
    const isRead = value === null || readSaid(attribute, value, BLANK) !== undefined
    return isRead ? [] : [{ attribute: name, reason: `expects ${expects}` }]
  })
