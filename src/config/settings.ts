import { SIGNING_ALGORITHMS } from '../domain/protocol/signing-algorithm.ts'
import { SHORTEST_RETIREMENT } from '../domain/tokens/signing-key-life.ts'
import { shownDatabaseUrl } from '../lib/net/database-url.ts'
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

export interface Setting<T> {
  readonly default: string
  readonly help: string
  readonly read: (text: string) => T
  /** What of a sound value anybody may see who may read settings. */
  readonly show: (text: string) => string
}

const setting = <T>(
  fallback: string,
  help: string,
  read: (text: string) => T,
  show = (text: string): string => text,
): Setting<T> => ({ default: fallback, help, read, show })

const hidden = (): string => '(hidden)'

/** Every setting, in the order in which docs/settings.md lists them. */
export const SETTINGS = {
  TESSERA_ISSUER: setting(
    'http://localhost:5080/id',
    'public URL of this server, as browsers and apps see it',
    readIssuer,
  ),
  TESSERA_LISTEN: setting('127.0.0.1:5080', 'address and port to listen on', readListen),
  TESSERA_DATA_DIR: setting('./data', 'folder that holds the embedded database and the master key', readText),
  TESSERA_DATABASE_URL: setting(
    '',
    'URL of the database, `file:` or `postgres:`; default: tessera.db in the data folder',
    readDatabaseUrl,
    shownDatabaseUrl,
  ),
  TESSERA_MOVE_TO: setting(
    '',
    'URL of the database that `tessera db move` moves to, where the command line must not show it',
    readDatabaseUrl,
    shownDatabaseUrl,
  ),
  TESSERA_DATABASE_CONNECTIONS: setting(
    '10',
    'how many connections to PostgreSQL this process opens at most',
    readCount(2, 1000),
  ),
  TESSERA_MASTER_KEY: setting(
    '',
    'master key, which encrypts the signing keys: 32 bytes or more in base64 or hex, several separated by commas; replaces the file',
    readOptional,
    hidden,
  ),
  TESSERA_MASTER_KEY_FILE: setting(
    '',
    'file with the master key; default: master.key in the data folder, created at the first start outside production',
    readOptional,
  ),
  TESSERA_PRODUCTION: setting(
    'false',
    'whether a missing master key stops the start instead of being created; NODE_ENV=production in the environment says the same',
    readBoolean,
  ),
  TESSERA_SHUTDOWN_DELAY: setting(
    '2s',
    'how long after SIGTERM the server keeps serving, but reports not ready',
    readShortDuration,
  ),
  TESSERA_TRUSTED_PROXIES: setting(
    '',
    'proxies whose X-Forwarded-For is trusted: addresses or CIDRs, comma-separated',
    readNetworks,
  ),
  TESSERA_HOSTS: setting(
    '',
    'other hosts under which programs inside the network reach this server: HOST or HOST:PORT, comma-separated',
    readHostsAndPorts,
  ),
  TESSERA_OUTBOUND_EXEMPT_HOSTS: setting(
    '',
    'hosts that the server may call although they are private or without TLS: HOST:PORT, or HOST for every port, comma-separated',
    readHosts,
  ),
  TESSERA_INSTANCE: setting('tessera', 'value of the `db` claim, which names the instance', readText),
  TESSERA_INSTANCE_NAME: setting('Tessera', 'name of the instance that people see on the pages', readText),
  TESSERA_AUDIENCE: setting(
    'DomainAPI',
    '`aud` of access tokens for the API of the instance; the identifier of that API',
    readText,
  ),
  TESSERA_SIGNING_ALGORITHM: setting('RS256', SIGNING_ALGORITHMS.join(', '), readOneOf(SIGNING_ALGORITHMS)),
  TESSERA_KEY_ROTATION: setting(
    '90d',
    'how long a key signs before its successor takes over',
    readPositiveDuration(2 * DAY),
  ),
  TESSERA_KEY_PUBLISH_AHEAD: setting(
    '14d',
    'how long the successor is published before it starts to sign',
    readPositiveDuration(DAY),
  ),
  TESSERA_KEY_RETIRE_AFTER: setting(
    '25h',
    'how long a key stays published after its successor took over; never shorter than a sign-in session lasts',
    readPositiveDuration(SHORTEST_RETIREMENT),
  ),
  TESSERA_SESSION_IDLE: setting('8h', 'how long a sign-in session lasts without use', readPositiveDuration(MINUTE)),
  TESSERA_SESSION_ABSOLUTE: setting(
    '24h',
    'how long a sign-in session lasts at most, counted from the sign-in',
    readPositiveDuration(MINUTE),
  ),
  TESSERA_IMPLICIT: setting(
    'false',
    'whether response types that send tokens through the browser are offered; for old clients only',
    readBoolean,
  ),
  TESSERA_REGISTRATION: setting(
    'off',
    'who may register apps over HTTP: off (nobody), token (holders of an initial access token) or open (anybody)',
    readOneOf(['off', 'token', 'open'] as const),
  ),
  TESSERA_REGISTRATION_SCOPES: setting(
    '',
    'API scopes, comma-separated, that self-registered apps may have: of the API of the instance, or of one that is open to such apps',
    readScopes,
  ),
  TESSERA_REGISTRATION_PKCE: setting(
    'false',
    'whether Confidential apps that register themselves must use PKCE, as Public ones always do; metadata has no word for it, and many OpenID clients know none',
    readBoolean,
  ),
  TESSERA_REGISTRATION_MOST: setting('1000', 'how many self-registered apps there may be', readCount(1, 1_000_000)),
  TESSERA_REGISTRATION_HOURLY: setting(
    '20',
    'how many apps one address (an IPv6 /64 counts as one) may register per hour without an initial access token, and how often change those',
    readCount(1, 1_000_000),
  ),
  TESSERA_REGISTRATION_UNUSED: setting(
    '',
    'how long a self-registered app is kept if nobody ever consents to it; empty keeps it for good',
    readOptionalDuration(HOUR),
  ),
  TESSERA_REQUEST_OBJECTS: setting(
    'false',
    'whether apps may send signed request objects or have them fetched (RFC 9101); with TESSERA_IMPLICIT also unsigned ones',
    readBoolean,
  ),
  TESSERA_COMPAT_SCOPE_ARRAY: setting('false', 'whether access tokens hold `scope` as an array', readBoolean),
  TESSERA_COMPAT_SUBJECT_LOGIN: setting(
    'false',
    'whether the `sub` of people is their login instead of their stable id',
    readBoolean,
  ),
  TESSERA_COMPAT_PROFILE_EMAIL: setting(
    'false',
    'whether `profile` brings `email` and `email_verified` too, which people are then asked for',
    readBoolean,
  ),
  TESSERA_LIMIT_SIGN_IN: setting(
    '30',
    'failed sign-ins per minute from one address (an IPv6 /64 counts as one); 0: no limit',
    readCount(0, 1_000_000),
  ),
  TESSERA_LIMIT_APP_FAILURES: setting(
    '60',
    'failed authentications of one app per minute from one address; 0: no limit',
    readCount(0, 1_000_000),
  ),
  TESSERA_LIMIT_AUTHORIZE: setting(
    '60',
    'authorization requests per minute from one address, and once those are used up, per sign-in session; 0: no limit',
    readCount(0, 1_000_000),
  ),
  TESSERA_LIMIT_PROFILE: setting(
    '60',
    'changes per minute that one person makes to their own consents and tokens; 0: no limit',
    readCount(0, 1_000_000),
  ),
  TESSERA_LIMIT_TOKEN: setting(
    '100',
    'token requests and revocations of one app per second on each node; 0: no limit',
    readCount(0, 1_000_000),
  ),
  TESSERA_LIMIT_INTROSPECT: setting(
    '500',
    'introspections by one app per second on each node; 0: no limit',
    readCount(0, 1_000_000),
  ),
  TESSERA_METRICS_TOKEN: setting(
    '',
    'Bearer token that opens `/metrics`; if empty, `/metrics` is closed, but for programs of this machine where the issuer is http and no proxy is trusted',
    readToken,
    hidden,
  ),
  TESSERA_SITE_PROBES: setting(
    'true',
    'whether auto-discovery says which sites work, which the server asks once a minute at most while somebody wants to know',
    readBoolean,
  ),
  TESSERA_LOG_REQUESTS: setting(
    'true',
    'whether each request is a line of the log: method, route, status, time, address, and the id of a refusal; those for health and metrics at the level debug',
    readBoolean,
  ),
  TESSERA_LOG_LEVEL: setting(
    'info',
    'trace, debug, info, warn, error or silent',
    readOneOf(['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const),
  ),
} as const

export type SettingName = keyof typeof SETTINGS
