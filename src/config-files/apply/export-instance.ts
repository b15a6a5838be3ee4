import { stringify } from 'yaml'
import { warningsAboutExport } from '../../admin/apps/app-warnings.ts'
import { readInstanceSettings } from '../../admin/change/instance-settings.ts'
import { showResource } from '../../domain/access/api-resource.ts'
import { showRegistration } from '../../domain/apps/app-attributes.ts'
import { APP_DEFAULTS, type AppSecret, type TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { User } from '../../domain/users/user.ts'
import { isoTime } from '../../lib/time/clock.ts'
import {
  describeRecord,
  describeUser,
  type Fields,
  loginsOf,
  type Unit,
  validSecrets,
} from '../schema/describe-instance.ts'
import { everyPage } from '../stage/every-page.ts'

/** A whole instance as a file describes it. */
export interface ExportedInstance {
  readonly apps: readonly Fields[]
  readonly users: readonly Fields[]
  readonly resources: readonly Fields[]
  readonly settings: Readonly<Record<string, string>>
}

/** The file, and what it cannot hold; one sentence each. */
export interface Export {
  readonly exported: ExportedInstance
  readonly warnings: readonly string[]
}

/** What is left out unless it is asked for. */
export interface Extras {
  /** So that people keep their passwords in another instance. */
  readonly passwordHashes: boolean
  /** So that they keep their `sub`. */
  readonly ids: boolean
}

/**
 * Describes the whole instance, such that applying it changes nothing here and makes the same elsewhere; of secrets only hashes.
 * @param now milliseconds since 1970; secrets that have ended are left out
 */
export async function exportInstance(unit: Unit, extras: Extras, now: number): Promise<Export> {
  const { users, hashes } = await readUsers(unit, extras)
  const loginOf = loginsOf(users)
  const apps: TrustedApplication[] = []
  for await (const page of everyPage(unit.apps.page, ({ applicationUri }) => applicationUri)) apps.push(...page)
  const exported = {
    apps: apps.map((app) => ({
      ...withoutNothing({ ...describeRecord(app, loginOf), SelfRegistered: app.selfRegistered || null }, DEFAULTS),
      ...listsOfAddresses(app),
      ...(Object.keys(app.localizedNames).length === 0 ? {} : { LocalizedNames: app.localizedNames }),
      ...exportSecrets(validSecrets(app, now)),
    })),
    users: users.map((user) => ({
      ...withoutNothing(describeUser(user), {}),
      ...(hashes.has(user.id) ? { passwordHash: hashes.get(user.id) } : {}),
      ...(extras.ids ? { id: user.id } : {}),
    })),
    resources: (await unit.resources.list()).map((resource) => {
      const shown = showResource(resource)
      const { ResourceServers, OpenToSelfRegistered, ...others } = {
        ...shown,
        Scopes: shown.Scopes.map((scope) => withoutNothing(scope, {})),
      }
      return {
        ...others,
        ...(ResourceServers.length === 0 ? {} : { ResourceServers }),
        ...(OpenToSelfRegistered ? { OpenToSelfRegistered } : {}),
      }
    }),
    settings: await readInstanceSettings(unit),
  }
  const warningsOf = (app: TrustedApplication): string[] =>
    warningsAboutExport(app, now).map((warning) => `${app.applicationUri}: ${warning}`)
  return { exported, warnings: apps.flatMap(warningsOf) }
}

const QUOTED = { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' } as const
// They end a line in YAML 1.1, and are letters like any other in 1.2.
const LINE_ENDS = /[\x7f-\x9f\u2028\u2029\ufeff]/g
const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Writes it as YAML that every version of the language reads alike: a bare `no` or `12:30` is no text in 1.1. */
export const toYaml = (exported: ExportedInstance): string =>
  stringify(exported, { lineWidth: 0, aliasDuplicateObjects: false, ...QUOTED }).replace(LINE_ENDS, escaped)

const DEFAULTS = showRegistration({ applicationUri: '-', name: '-', clientType: 'None', ...APP_DEFAULTS })

/** In a list each address is by itself, whatever commas it has. */
const listsOfAddresses = ({ impersonateLoginUrl, impersonateLogoutUrl, requestUris }: TrustedApplication): Fields =>
  Object.fromEntries(
    Object.entries({
      ImpersonateLoginUrl: impersonateLoginUrl,
      ImpersonateLogoutUrl: impersonateLogoutUrl,
      RequestUris: requestUris,
    }).filter(([, listed]) => listed.length > 0),
  )

/** Nothing need not be said, save where it is not the default. */
const withoutNothing = (fields: Fields, defaults: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => value !== null && !(value === '' && defaults[name] === '')),
  )

function exportSecrets(secrets: TrustedApplication['secrets']): Fields {
  if (secrets.length === 0) return {}
  const entries = secrets.map(exportSecret)
  return { ApplicationSecretHash: entries.length === 1 ? entries[0] : entries }
}

function exportSecret({ hash, label, expiresAt }: AppSecret): string | Fields {
  if (label === undefined && expiresAt === undefined) return hash
  return {
    Hash: hash,
    ...(label === undefined ? {} : { Label: label }),
    ...(expiresAt === undefined ? {} : { ExpiresAt: isoTime(expiresAt) }),
  }
}

async function readUsers({ users }: Unit, { passwordHashes }: Extras) {
  const all: User[] = []
  const hashes = new Map<string, string>()
  for await (const page of everyPage(users.page, ({ login }) => login)) {
    all.push(...page)
    const accounts = passwordHashes ? await users.accountsOf(page.map(({ login }) => login)) : []
    for (const { user, passwordHash } of accounts) if (passwordHash !== undefined) hashes.set(user.id, passwordHash)
  }
  return { users: all, hashes }
}
