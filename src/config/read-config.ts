import { join, resolve } from 'node:path'
import { isSameIdentifier } from '../domain/access/resource-identifier.ts'
import { ALL_RESPONSE_TYPES, RESPONSE_TYPES } from '../domain/apps/app-choices.ts'
import { fileUrlOf } from '../lib/net/database-url.ts'
import { HOUR } from '../lib/time/clock.ts'
import { ConfigurationFaults } from './configuration-faults.ts'
import { whyElsewhere } from './paths-in-file.ts'
import { readGiven } from './read-given.ts'
import { SettingFault } from './readers.ts'
import { SETTINGS, type SettingName } from './settings.ts'
import { type ShownSetting, showSetting } from './show-setting.ts'

type Values = { [Name in SettingName]: ReturnType<(typeof SETTINGS)[Name]['read']> }

export type Config = ReturnType<typeof readConfig>

/**
 * Reads the whole configuration and hands it out in sections; the environment wins over the file.
 * @param environment `process.env`
 * @param file of `NAME=value` lines, or `undefined`
 * @throws ConfigurationFaults naming every wrong or unknown setting at once
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>, file: string | undefined) {
  const { values, shown, faults } = examineConfig(environment, file)
  if (faults.length > 0) throw new ConfigurationFaults(faults)
  return sections(values as Values, shown, environment['NODE_ENV'] === 'production')
}

/**
 * Reads as much of the configuration as can be read.
 * @returns every setting as it may be shown, and what is wrong with them
 * @throws ConfigurationFaults when the file cannot be read
 */
export function examineConfig(
  environment: Readonly<Record<string, string | undefined>>,
  file: string | undefined,
): { values: Partial<Values>; shown: readonly ShownSetting[]; faults: readonly string[] } {
  const { given, sourceOf, folder, faults, atRisk } = readGiven(environment, file)
  const values = {} as Record<string, unknown>
  const shown: ShownSetting[] = []
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const text = given[name]?.trim() || setting.default
    try {
      values[name] = setting.read(text)
      shown.push(showSetting(name, setting, text, sourceOf(name)))
    } catch (error) {
      if (!(error instanceof SettingFault)) throw error
      faults.push(`${name} ${error.message}`)
      shown.push(showSetting(name, setting, undefined, sourceOf(name)))
    }
  }
  faults.push(...whyTogetherWrong(values), ...whyElsewhere(folder, resolve(), atRisk))
  return { values: values as Partial<Values>, shown, faults }
}

/** What is wrong with settings that are right one by one; one that could not be read is not there. */
const whyTogetherWrong = ({
  TESSERA_KEY_ROTATION: turn,
  TESSERA_KEY_PUBLISH_AHEAD: ahead,
  TESSERA_ISSUER: issuer,
  TESSERA_AUDIENCE: audience,
}: Partial<Values>): string[] => [
  ...(turn !== undefined && ahead !== undefined && ahead >= turn
    ? ['TESSERA_KEY_PUBLISH_AHEAD must be shorter than TESSERA_KEY_ROTATION']
    : []),
  // Tokens that are good for UserInfo alone name the issuer as their audience.
  ...(issuer !== undefined && audience !== undefined && isSameIdentifier(audience, issuer)
    ? ['TESSERA_AUDIENCE must be another name than TESSERA_ISSUER']
    : []),
]

const sections = (values: Values, shown: readonly ShownSetting[], production: boolean) => ({
  issuer: values.TESSERA_ISSUER,
  instanceName: values.TESSERA_INSTANCE_NAME,
  http: {
    ...values.TESSERA_LISTEN,
    trustedProxies: values.TESSERA_TRUSTED_PROXIES,
    hosts: values.TESSERA_HOSTS,
    logLevel: values.TESSERA_LOG_LEVEL,
    logRequests: values.TESSERA_LOG_REQUESTS,
    shutdownDelay: values.TESSERA_SHUTDOWN_DELAY,
  },
  database: {
    url: values.TESSERA_DATABASE_URL || fileUrlOf(join(values.TESSERA_DATA_DIR, 'tessera.db')),
    connections: values.TESSERA_DATABASE_CONNECTIONS,
    moveTo: values.TESSERA_MOVE_TO,
  },
  masterKey: {
    value: values.TESSERA_MASTER_KEY,
    file: values.TESSERA_MASTER_KEY_FILE ?? join(values.TESSERA_DATA_DIR, 'master.key'),
    mayCreate: !production && !values.TESSERA_PRODUCTION,
  },
  tokens: {
    issuer: values.TESSERA_ISSUER,
    audience: values.TESSERA_AUDIENCE,
    instance: values.TESSERA_INSTANCE,
    scopeAsArray: values.TESSERA_COMPAT_SCOPE_ARRAY,
    subjectAsLogin: values.TESSERA_COMPAT_SUBJECT_LOGIN,
    profileWithEmail: values.TESSERA_COMPAT_PROFILE_EMAIL,
  },
  limits: {
    signIn: values.TESSERA_LIMIT_SIGN_IN,
    appFailures: values.TESSERA_LIMIT_APP_FAILURES,
    authorize: values.TESSERA_LIMIT_AUTHORIZE,
    profile: values.TESSERA_LIMIT_PROFILE,
    token: values.TESSERA_LIMIT_TOKEN,
    introspect: values.TESSERA_LIMIT_INTROSPECT,
  },
  responseTypes: values.TESSERA_IMPLICIT ? ALL_RESPONSE_TYPES : RESPONSE_TYPES,
  requestObjects: { offered: values.TESSERA_REQUEST_OBJECTS, unsigned: values.TESSERA_IMPLICIT },
  outbound: { exemptHosts: values.TESSERA_OUTBOUND_EXEMPT_HOSTS },
  registration: {
    mode: values.TESSERA_REGISTRATION,
    scopes: values.TESSERA_REGISTRATION_SCOPES,
    requirePkce: values.TESSERA_REGISTRATION_PKCE,
    most: values.TESSERA_REGISTRATION_MOST,
    hourly: values.TESSERA_REGISTRATION_HOURLY,
    unusedFor: values.TESSERA_REGISTRATION_UNUSED,
  },
  siteProbes: values.TESSERA_SITE_PROBES,
  metrics: { token: values.TESSERA_METRICS_TOKEN },
  signingAlgorithm: values.TESSERA_SIGNING_ALGORITHM,
  signingKeys: {
    rotation: values.TESSERA_KEY_ROTATION,
    publishAhead: values.TESSERA_KEY_PUBLISH_AHEAD,
    // The ID token of a session names it when its person signs out.
    retireAfter: Math.max(values.TESSERA_KEY_RETIRE_AFTER, values.TESSERA_SESSION_ABSOLUTE + HOUR),
  },
  sessions: { idle: values.TESSERA_SESSION_IDLE, absolute: values.TESSERA_SESSION_ABSOLUTE },
  /** Each as it may be shown, with where it comes from. */
  shown,
})
