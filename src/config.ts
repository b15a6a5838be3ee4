import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { isLoopbackHost } from './domain/redirect-uri.ts'
import { SIGNING_ALGORITHMS } from './domain/signing-algorithm.ts'
import { HOUR, MINUTE } from './lib/clock.ts'
import { readDuration } from './lib/duration.ts'

/** A value that cannot be used; the message completes the sentence "NAME ...". */
class SettingFault extends Error {}

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
  TESSERA_DATABASE_URL: setting('', 'database; default `file:` and tessera.db in the data folder', readDatabaseUrl),
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
  TESSERA_TRUSTED_PROXIES: setting(
    '',
    'addresses or CIDRs, comma-separated, whose X-Forwarded-For is believed',
    readNetworks,
  ),
  TESSERA_INSTANCE: setting('tessera', 'name of the instance database, the `db` claim', readText),
  TESSERA_INSTANCE_NAME: setting('Tessera', 'what people read on the pages', readText),
  TESSERA_AUDIENCE: setting('DomainAPI', '`aud` of access tokens for the API of the instance', readText),
  TESSERA_SIGNING_ALGORITHM: setting('RS256', SIGNING_ALGORITHMS.join(', '), readOneOf(SIGNING_ALGORITHMS)),
  TESSERA_SESSION_IDLE: setting('8h', 'a sign-in session ends after so long without use', readPositiveDuration(MINUTE)),
  TESSERA_SESSION_ABSOLUTE: setting(
    '24h',
    'a sign-in session ends so long after the sign-in',
    readPositiveDuration(MINUTE),
  ),
  TESSERA_COMPAT_SCOPE_ARRAY: setting('false', 'access tokens hold `scope` as an array', readBoolean),
  TESSERA_COMPAT_SUBJECT_LOGIN: setting(
    'false',
    '`sub` of people is their login instead of the stable id',
    readBoolean,
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
  if (faults.length > 0) throw new ConfigurationFaults(faults)
  return sections(values as Values, environment['NODE_ENV'] === 'production')
}

const sections = (values: Values, production: boolean) => ({
  issuer: values.TESSERA_ISSUER,
  instanceName: values.TESSERA_INSTANCE_NAME,
  http: {
    ...values.TESSERA_LISTEN,
    trustedProxies: values.TESSERA_TRUSTED_PROXIES,
    logLevel: values.TESSERA_LOG_LEVEL,
  },
  databaseUrl: values.TESSERA_DATABASE_URL || `file:${join(values.TESSERA_DATA_DIR, 'tessera.db')}`,
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
  signingAlgorithm: values.TESSERA_SIGNING_ALGORITHM,
  sessions: { idle: values.TESSERA_SESSION_IDLE, absolute: values.TESSERA_SESSION_ABSOLUTE },
})

const onlyTessera = (environment: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('TESSERA_')))

function readFile(file: string): Record<string, string | undefined> {
  try {
    return parseEnv(readFileSync(file, 'utf8')) as Record<string, string | undefined>
  } catch (error) {
    throw new ConfigurationFaults([`the configuration file ${file} cannot be read: ${(error as Error).message}`])
  }
}

function readIssuer(text: string): string {
  if (!URL.canParse(text)) throw new SettingFault(`is not a URL: ${text}`)
  const url = new URL(text)
  if (url.search !== '' || url.hash !== '' || url.username !== '')
    throw new SettingFault('must not have a query, a fragment or a user name')
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(url.hostname))) {
    throw new SettingFault(`must be https (plain http is for loopback only): ${text}`)
  }
  const normal = url.pathname === '/' ? url.origin : url.href
  if (text !== normal || text.endsWith('/'))
    throw new SettingFault(
      `must be written in its normal form, without a slash at the end: ${normal.replace(/\/+$/, '')}`,
    )
  return text
}

function readListen(text: string): { host: string; port: number } {
  const [, host = '', port] =
    /^(?:\[([0-9a-f:.]+)\]|([^:\s]+)):(\d{1,5})$/i.exec(text)?.filter((part) => part !== undefined) ?? []
  if (port === undefined || Number(port) > 65_535)
    throw new SettingFault(`is not an address and port, such as 127.0.0.1:5080 or [::1]:5080: ${text}`)
  return { host, port: Number(port) }
}

function readDatabaseUrl(text: string): string {
  if (text !== '' && !/^file:.+/.test(text))
    throw new SettingFault('must be a file: URL, such as file:./data/tessera.db')
  return text
}

function readNetworks(text: string): string[] {
  const networks = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  for (const network of networks) {
    const [address = '', bits, ...rest] = network.split('/')
    const family = isIP(address)
    const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
    if (family === 0 || !fits || rest.length > 0)
      throw new SettingFault(`holds something that is no address or CIDR: ${network}`)
  }
  return networks
}

function readPositiveDuration(least: number): (text: string) => number {
  return (text) => {
    const duration = readDuration(text)
    if (duration === undefined) throw new SettingFault(`is not a length of time, such as 30m, 8h or 14d: ${text}`)
    if (duration < least || duration > 365 * 24 * HOUR) throw new SettingFault(`is too short or too long: ${text}`)
    return duration
  }
}

function readOneOf<T extends string>(values: readonly T[]): (text: string) => T {
  return (text) => {
    const value = values.find((known) => known === text)
    if (value === undefined) throw new SettingFault(`must be one of ${values.join(', ')}: ${text}`)
    return value
  }
}

function readBoolean(text: string): boolean {
  return readOneOf(['true', 'false'])(text) === 'true'
}

function readText(text: string): string {
  if (/\p{Cc}/u.test(text) || text.length > 500)
    throw new SettingFault('must be at most 500 characters without control characters')
  return text
}

function readOptional(text: string): string | undefined {
  return text === '' ? undefined : text
}
