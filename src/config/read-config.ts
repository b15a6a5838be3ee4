import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { ALL_RESPONSE_TYPES, RESPONSE_TYPES } from '../domain/apps/app-choices.ts'
import { fileUrlOf } from '../lib/net/database-url.ts'
import { HOUR } from '../lib/time/clock.ts'
import { pathsFrom, whyElsewhere } from './paths-in-file.ts'
import { SettingFault } from './readers.ts'
import { SETTINGS, type SettingName } from './settings.ts'

/** Everything that is wrong with the configuration, one line each. */
export class ConfigurationFaults extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.faults = faults
  }
}

type Values = { [Name in SettingName]: ReturnType<(typeof SETTINGS)[Name]['read']> }

const isSettingName = (name: string): name is SettingName => Object.hasOwn(SETTINGS, name)

export type Config = ReturnType<typeof readConfig>

/**
 * Reads the whole configuration and hands it out in sections; the environment wins over the file.
 * @param environment `process.env`
 * @param file of `NAME=value` lines, or `undefined`
 * @throws ConfigurationFaults naming every wrong or unknown setting at once
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>, file: string | undefined) {
  const folder = dirname(resolve(file ?? ''))
  const inFile = file === undefined ? {} : readFile(file)
  const inEnvironment = onlyTessera(environment)
  const given = { ...pathsFrom(folder, inFile), ...inEnvironment }
  const faults = Object.keys(given)
    .filter((name) => !isSettingName(name))
    .sort()
    .map((name) => `${name} is not a setting; tessera settings and docs/settings.md list them all`)
  const values = {} as Record<string, unknown>
  for (const [name, { default: fallback, read }] of Object.entries(SETTINGS)) {
    try {
      values[name] = read(given[name]?.trim() || fallback)
    } catch (error) {
      if (!(error instanceof SettingFault)) throw error
      faults.push(`${name} ${error.message}`)
    }
  }
  faults.push(...whyTogetherWrong(values), ...whyElsewhere(folder, resolve(), { ...inFile, ...blanked(inEnvironment) }))
  if (faults.length > 0) throw new ConfigurationFaults(faults)
  return sections(values as Values, environment['NODE_ENV'] === 'production')
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
  ...(issuer !== undefined && audience === issuer ? ['TESSERA_AUDIENCE must be another name than TESSERA_ISSUER'] : []),
]

const sections = (values: Values, production: boolean) => ({
  issuer: values.TESSERA_ISSUER,
  instanceName: values.TESSERA_INSTANCE_NAME,
  http: {
    ...values.TESSERA_LISTEN,
    trustedProxies: values.TESSERA_TRUSTED_PROXIES,
    hosts: values.TESSERA_HOSTS,
    logLevel: values.TESSERA_LOG_LEVEL,
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
    mayCreate: !production,
  },
  tokens: {
    issuer: values.TESSERA_ISSUER,
    audience: values.TESSERA_AUDIENCE,
    instance: values.TESSERA_INSTANCE,
    scopeAsArray: values.TESSERA_COMPAT_SCOPE_ARRAY,
    subjectAsLogin: values.TESSERA_COMPAT_SUBJECT_LOGIN,
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
    most: values.TESSERA_REGISTRATION_MOST,
    hourly: values.TESSERA_REGISTRATION_HOURLY,
    unusedFor: values.TESSERA_REGISTRATION_UNUSED,
  },
  metrics: { token: values.TESSERA_METRICS_TOKEN },
  signingAlgorithm: values.TESSERA_SIGNING_ALGORITHM,
  signingKeys: {
    rotation: values.TESSERA_KEY_ROTATION,
    publishAhead: values.TESSERA_KEY_PUBLISH_AHEAD,
    // The ID token of a session names it when its person signs out.
    retireAfter: Math.max(values.TESSERA_KEY_RETIRE_AFTER, values.TESSERA_SESSION_ABSOLUTE + HOUR),
  },
  sessions: { idle: values.TESSERA_SESSION_IDLE, absolute: values.TESSERA_SESSION_ABSOLUTE },
})

/** What the environment says counts for itself, and hides what the file says. */
const blanked = (given: object): Record<string, undefined> =>
  Object.fromEntries(Object.keys(given).map((name) => [name, undefined]))

const onlyTessera = (environment: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('TESSERA_')))

function readFile(file: string): Record<string, string | undefined> {
  const text = readFileText(file)
  // The parser skips what it cannot read, and a setting in it would be missing without a word.
  const faults = text
    .split(/\r?\n/)
    .map((line, index) =>
      /^\s*(#|$|(export\s+)?[\w.-]+\s*=)/.test(line) ? '' : `line ${index + 1} of ${file} is not NAME=value`,
    )
    .filter((fault) => fault !== '')
  if (faults.length > 0) throw new ConfigurationFaults(faults)
  return parseEnv(text) as Record<string, string | undefined>
}

function readFileText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigurationFaults([`the configuration file ${file} cannot be read: ${(error as Error).message}`])
  }
}
