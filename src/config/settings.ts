import { SIGNING_ALGORITHMS } from '../domain/protocol/signing-algorithm.ts'
import { SHORTEST_RETIREMENT } from '../domain/tokens/signing-key-life.ts'
import { DAY, HOUR, MINUTE } from '../lib/time/clock.ts'
import {
  readBoolean,
  readCount,
  readDatabaseUrl,
  readHosts,
  readHostsAndPorts,
  readIssuer,
  readListen,
  readNetworks,
  readOneOf,
  readOptional,
  readOptionalDuration,
  readPositiveDuration,
  readScopes,
  readShortDuration,
  readText,
  readToken,
} from './readers.ts'

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
  TESSERA_HOSTS: setting(
    '',
    'further host names, comma-separated, with their port, under which programs inside the network reach this server',
    readHostsAndPorts,
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
  TESSERA_REGISTRATION: setting(
    'off',
    'who may register apps over HTTP: off, token (whoever has an initial access token) or open (everybody)',
    readOneOf(['off', 'token', 'open'] as const),
  ),
  TESSERA_REGISTRATION_SCOPES: setting('', 'API scopes, comma-separated, that such apps may have', readScopes),
  TESSERA_REGISTRATION_MOST: setting('1000', 'how many such apps there may be', readCount(1, 1_000_000)),
  TESSERA_REGISTRATION_HOURLY: setting(
    '20',
    'how many apps one address may register within an hour without an initial access token',
    readCount(1, 1_000_000),
  ),
  TESSERA_REGISTRATION_UNUSED: setting(
    '',
    'such an app is removed after so long if nobody ever allowed it anything; empty keeps it',
    readOptionalDuration(HOUR),
  ),
  TESSERA_REQUEST_OBJECTS: setting(
    'false',
    'apps may ask in a signed request object, sent or fetched (RFC 9101); with TESSERA_IMPLICIT also in an unsigned one',
    readBoolean,
  ),
  TESSERA_COMPAT_SCOPE_ARRAY: setting('false', 'access tokens hold `scope` as an array', readBoolean),
  TESSERA_COMPAT_SUBJECT_LOGIN: setting(
    'false',
    '`sub` of people is their login instead of the stable id',
    readBoolean,
  ),
  TESSERA_LIMIT_SIGN_IN: setting(
    '30',
    'sign-ins a minute that may fail from one address, an IPv6 /64 counting as one; 0 is no limit',
    readCount(0, 1_000_000),
  ),
  TESSERA_LIMIT_APP_FAILURES: setting(
    '60',
    'failed authentications of one app a minute from one address; 0 is no limit',
    readCount(0, 1_000_000),
  ),
  TESSERA_LIMIT_AUTHORIZE: setting(
    '60',
    'authorization requests a minute from one address or, beyond that, of one sign-in session; 0 is no limit',
    readCount(0, 1_000_000),
  ),
  TESSERA_LIMIT_TOKEN: setting(
    '100',
    'token requests and revocations a second of one app, on each node; 0 is no limit',
    readCount(0, 1_000_000),
  ),
  TESSERA_LIMIT_INTROSPECT: setting(
    '500',
    'introspections a second of one app, on each node; 0 is no limit',
    readCount(0, 1_000_000),
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

export type SettingName = keyof typeof SETTINGS
