/** Where the instance is kept: a file, or a PostgreSQL server. */
export type DatabaseAddress = { readonly kind: 'file'; readonly path: string } | PostgresAddress

export interface PostgresAddress {
  readonly kind: 'postgres'
  /** A host name, an address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: string
  /** Whether the connection is encrypted and the server's certificate verified. */
  readonly verified: boolean
  /** File with the certificates of the authority that signed the server's. */
  readonly authorityFile: string | undefined
}

/** A URL that names no database; the message completes "the database URL ..." and repeats nothing of it. */
export class DatabaseUrlFault extends Error {}

const SCHEME = 'file:'
const PARAMETERS = ['sslmode', 'sslrootcert', 'host']
const isLoopback = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|::1|\/.*)$/.test(host)

/**
 * Reads `file:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE`.
 * @throws DatabaseUrlFault
 * @see https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
 */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  if (isFileUrl(text)) return { kind: 'file', path: readPath(text.slice(SCHEME.length)) }
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text))
    throw new DatabaseUrlFault(
      'must be a file: URL, such as file:./data/tessera.db, or postgres://USER:PASSWORD@HOST:PORT/DATABASE',
    )
  const url = new URL(text)
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.includes(name))
  if (unknown !== undefined)
    throw new DatabaseUrlFault(`has the unknown parameter ${unknown}; supported: ${PARAMETERS.join(', ')}`)
  const database = decoded(url.pathname.slice(1))
  if (database === '') throw new DatabaseUrlFault('must name the database: postgres://HOST/DATABASE')
  const host = url.searchParams.get('host') ?? decoded(url.hostname).replace(/^\[|\]$/g, '')
  return {
    kind: 'postgres',
    host: host === '' ? 'localhost' : host,
    port: Number(url.port || 5432),
    user: decoded(url.username) || undefined,
    password: decoded(url.password) || undefined,
    database,
    verified: readSslMode(url.searchParams.get('sslmode'), isLoopback(host === '' ? 'localhost' : host)),
    authorityFile: url.searchParams.get('sslrootcert') ?? undefined,
  }
}

export const isFileUrl = (text: string): boolean => /^file:./.test(text)

/** The URL of a file: what would mean something else in a URL is escaped. */
export const fileUrlOf = (path: string): string => SCHEME + path.replace(/[%?#]/g, encodeURIComponent)

/** Below `file:` there is a path, or `//`, a host that may only be this machine, and an absolute path. @see RFC 8089 §2 */
function readPath(text: string): string {
  const [, host, absolute] = /^\/\/([^/]*)(.*)$/.exec(text) ?? []
  if (host !== undefined && !/^(localhost)?$/i.test(host))
    throw new DatabaseUrlFault(`names the host ${host}; a file is on this machine: write file:/PATH or file:///PATH`)
  if (/[?#]/.test(text))
    throw new DatabaseUrlFault('has a ? or #, but a file takes no parameters; in a name write %3F for ? and %23 for #')
  const path = decoded(absolute ?? text)
  if (path === '' || path.endsWith('/')) throw new DatabaseUrlFault('must name a file: file:/PATH/tessera.db')
  if (path.includes('\0')) throw new DatabaseUrlFault('has a %00, which no file name can hold')
  return path
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new DatabaseUrlFault('has a % that is not an escape; write a literal percent sign as %25')
  }
}

/** Off this machine only an encrypted connection to a server that proves who it is. */
function readSslMode(mode: string | null, loopback: boolean): boolean {
  if (mode === 'verify-full') return true
  if (mode !== null && mode !== 'disable')
    throw new DatabaseUrlFault(
      `has sslmode=${mode}, which does not verify the server; use verify-full, with sslrootcert=FILE for your own certificate authority`,
    )
  if (mode === 'disable' && !loopback)
    throw new DatabaseUrlFault('has sslmode=disable, which is for a server on this machine only; use verify-full')
  return !loopback
}

/** The URL as it may be shown: without the password. */
export function shownDatabaseUrl(text: string): string {
  if (isFileUrl(text)) return text
  const url = new URL(text)
  url.password = ''
  return url.href
}
