import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { SIGNING_ALGORITHMS } from './domain/signing-algorithm.ts'
import { SHORTEST_RETIREMENT } from './domain/signing-key-life.ts'
import { ALL_RESPONSE_TYPES, RESPONSE_TYPES } from './domain/trusted-application.ts'
import { DAY, HOUR, MINUTE } from './lib/clock.ts'
import {
  readBoolean,
  readCount,
  readDatabaseUrl,
  readHosts,
  readIssuer,
  readListen,
  readNetworks,
  readOneOf,
  readOptional,
  readPositiveDuration,
  readShortDuration,
  readText,
  readToken,
  SettingFault,
} from './setting-readers.ts'

/** Everything that is wrong with the configuration, one line each. */
export class ConfigurationFaults extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.faults = faults
  }
}

interface Setting<T> {
  readonly default: string
  readonly help: string
  readonly read: (text: string) => T
}

const setting = <T>(standard: string, help: string, read: (text: string) => T): Setting<T> => ({
  default: standard,
  help,
  read,
})

/** Every setting there is, in the order the README lists them. */
export const SETTINGS = {
  TESSERA_ISSUER: setting(
    'http://localhost:5080/id',
    'public URL of this server, as browsers and apps see it',
    readIssuer,
  ),
  TESSERA_LISTEN: setting('127.0.0.1:5080', 'address and port to listen on', readListen),
  TESSERA_DATA_DIR: setting('./data', 'folder of the embedded database and the master key', readText),
  TESSERA_DATABASE_URL: setting(
    '',
    'database, `file:` or `postgres:`; default `file:` and tessera.db in the data folder',
    readDatabaseUrl,
  ),
  TESSERA_DATABASE_CONNECTIONS: setting(
    '10',
    'the most connections to a PostgreSQL server that this process opens',
    readCount(2, 1000),
  ),
  TESSERA_MASTER_KEY: setting(
    '',
    'secret of 32 bytes or more, base64 or hex, that seals the signing keys; instead of the file',
    readOptional,
  ),
  TESSERA_MASTER_KEY_FILE: setting(
    '',
    'file that holds it; default master.key in the data folder, made on first start outside production',
    readOptional,
  ),
  TESSERA_SHUTDOWN_DELAY: setting(
    '2s',
    'after SIGTERM the server goes on for so long, and says that it is not ready',
    readShortDuration,
  ),
  TESSERA_TRUSTED_PROXIES: setting(
    '',
    'addresses or CIDRs, comma-separated, whose X-Forwarded-For is believed',
    readNetworks,
  ),
  TESSERA_OUTBOUND_EXEMPT_HOSTS: setting(
    '',
    'hosts, comma-separated, from which the server fetches although they are private or without TLS',
    readHosts,
  ),
  TESSERA_INSTANCE: setting('tessera', 'name of the instance database, the `db` claim', readText),
  TESSERA_INSTANCE_NAME: setting('Tessera', 'what people read on the pages', readText),
  TESSERA_AUDIENCE: setting('DomainAPI', '`aud` of access tokens for the API of the instance', readText),
  TESSERA_SIGNING_ALGORITHM: setting('RS256', SIGNING_ALGORITHMS.join(', '), readOneOf(SIGNING_ALGORITHMS)),
  TESSERA_KEY_ROTATION: setting('90d', 'for so long a signing key signs', readPositiveDuration(2 * DAY)),
  TESSERA_KEY_PUBLISH_AHEAD: setting('14d', 'for so long its successor is published before', readPositiveDuration(DAY)),
  TESSERA_KEY_RETIRE_AFTER: setting(
    '25h',
    'for so long it is published afterwards, and at least as long as a sign-in session lasts',
    readPositiveDuration(SHORTEST_RETIREMENT),
  ),
  TESSERA_SESSION_IDLE: setting('8h', 'a sign-in session ends after so long without use', readPositiveDuration(MINUTE)),
  TESSERA_SESSION_ABSOLUTE: setting(
    '24h',
    'a sign-in session ends so long after the sign-in',
    readPositiveDuration(MINUTE),
  ),
  TESSERA_IMPLICIT: setting(
    'false',
    'offers the response types that hand out tokens through the browser; for old clients only',
    readBoolean,
  ),
  TESSERA_COMPAT_SCOPE_ARRAY: setting('false', 'access tokens hold `scope` as an array', readBoolean),
  TESSERA_COMPAT_SUBJECT_LOGIN: setting(
    'false',
    '`sub` of people is their login instead of the stable id',
    readBoolean,
  ),
  TESSERA_METRICS_TOKEN: setting(
    '',
    'whoever sends it as a Bearer token may read `/metrics`; without it only requests from this machine may',
    readToken,
  ),
  TESSERA_LOG_LEVEL: setting(
    'info',
    'trace, debug, info, warn, error or silent',
    readOneOf(['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const),
  ),
} as const

type SettingName = keyof typeof SETTINGS
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
  const given = { ...(file === undefined ? {} : readFile(file)), ...onlyTessera(environment) }
  const faults = Object.keys(given)
    .filter((name) => !isSettingName(name))
    .sort()
    .map((name) => `${name} is not a setting; the README lists them all`)
  const values = {} as Record<string, unknown>
  for (const [name, { default: standard, read }] of Object.entries(SETTINGS)) {
    try {
      values[name] = read(given[name]?.trim() || standard)
    } catch (error) {
      if (!(error instanceof SettingFault)) throw error
      faults.push(`${name} ${error.message}`)
    }
  }
  faults.push(...whyTogetherWrong(values))
  if (faults.length > 0) throw new ConfigurationFaults(faults)
  return sections(values as Values, environment['NODE_ENV'] === 'production')
}

/** What is wrong with settings that are right one by one; one that could not be read is not there. */
const whyTogetherWrong = ({
  TESSERA_KEY_ROTATION: turn,
  TESSERA_KEY_PUBLISH_AHEAD: ahead,
}: Partial<Values>): string[] =>
  turn !== undefined && ahead !== undefined && ahead >= turn
    ? ['TESSERA_KEY_PUBLISH_AHEAD must be shorter than TESSERA_KEY_ROTATION']
    : []

const sections = (values: Values, production: boolean) => ({
  issuer: values.TESSERA_ISSUER,
  instanceName: values.TESSERA_INSTANCE_NAME,
  http: {
    ...values.TESSERA_LISTEN,
    trustedProxies: values.TESSERA_TRUSTED_PROXIES,
    logLevel: values.TESSERA_LOG_LEVEL,
    shutdownDelay: values.TESSERA_SHUTDOWN_DELAY,
  },
  database: {
    url: values.TESSERA_DATABASE_URL || `file:${join(values.TESSERA_DATA_DIR, 'tessera.db')}`,
    connections: values.TESSERA_DATABASE_CONNECTIONS,
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
  responseTypes: values.TESSERA_IMPLICIT ? ALL_RESPONSE_TYPES : RESPONSE_TYPES,
  outbound: { exemptHosts: values.TESSERA_OUTBOUND_EXEMPT_HOSTS },
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
