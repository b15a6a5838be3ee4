import type { Route } from '../../../test/fixtures/instance/routes.ts'
import { oneOf } from '../lib/random.ts'
import type { Supplies } from './supplies.ts'
import { below, chance, oddValue, spoil } from './values.ts'

type Random = () => number
export type Pair = readonly [name: string, value: string]

/** A request before it becomes bytes. */
export interface Shape {
  readonly method: string
  readonly path: string
  readonly query: readonly Pair[]
  readonly fields: readonly Pair[]
  readonly headers: readonly Pair[]
}

/** What an address takes, as far as it is a form; any other takes a few of all names. */
const TAKES: readonly (readonly [RegExp, ...(readonly string[])[]])[] = [
  [
    /\/authorize$/,
    ['client_id', 'redirect_uri', 'response_type', 'scope', 'state', 'code_challenge', 'code_challenge_method'],
    ['client_id', 'redirect_uri', 'response_type', 'scope', 'nonce', 'prompt', 'max_age', 'login_hint', 'claims'],
    ['client_id', 'redirect_uri', 'response_type', 'response_mode', 'scope', 'id_token_hint', 'ui_locales', 'resource'],
    ['client_id', 'redirect_uri', 'response_type', 'scope', 'request', 'request_uri', 'acr_values'],
  ],
  [
    /\/token$/,
    ['grant_type', 'code', 'redirect_uri', 'code_verifier', 'client_id', 'client_secret'],
    ['grant_type', 'refresh_token', 'scope', 'resource'],
    ['grant_type', 'scope', 'client_id', 'client_assertion_type', 'client_assertion'],
  ],
  [/\/(introspect|revocation|session)$/, ['token', 'token_type_hint', 'client_id', 'client_secret']],
  [/\/touches$/, ['touches']],
  [/\/notices$/, ['since']],
  [/\/(endsession|signed-out)$/, ['id_token_hint', 'post_logout_redirect_uri', 'state', 'client_id', 'ui_locales']],
  [/\/login$/, ['interaction', 'csrf', 'username', 'password']],
  [/\/consent$/, ['interaction', 'csrf', 'decision']],
  [/\/logout$/, ['csrf', 'logout', 'state']],
  [/\/continue$/, ['interaction']],
  [/\/error$/, ['refusal']],
  [/\/userinfo$/, ['access_token']],
]

/** Names of JSON members, beside those of forms. */
const MEMBERS = [
  ...['ApplicationUri', 'Name', 'ClientType', 'ImpersonateLoginUrl', 'Scope', 'IsEnabled', 'SystemUser', 'Jwks'],
  ...[
    'login',
    'email',
    'name',
    'type',
    'isAdmin',
    'isEnabled',
    'locale',
    'password',
    'profile',
    'birthdate',
    'address',
  ],
  ...['redirect_uris', 'client_name', 'jwks', 'jwks_uri', 'contacts', 'grant_types', 'response_types', 'logo_uri'],
  ...['slots', 'reserved', 'description', 'expires_in', 'expires_at', 'scope', 'app', 'label', 'user', 'kind'],
]

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY', 'get']
const TYPES = [
  ...[
    'application/json',
    'application/merge-patch+json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'x',
    '',
    ';',
  ],
  ...['application/x-www-form-urlencoded; charset=utf-16', 'application/json; charset=utf-7', 'application/xml'],
]

/** Headers that decide something, with what they may say. */
const HEADERS: Readonly<Record<string, readonly string[]>> = {
  accept: ['*/*', 'text/html', 'application/json;q=x', ',,,', 'application/token-introspection+jwt', 'a/b;q=2'],
  'accept-language': ['de', 'xx;q=1,,', '*', 'en-'.repeat(200)],
  'content-encoding': ['gzip', 'br', 'identity'],
  cookie: ['tessera-session=x', 'a=b; a=c', ';;;', '=', 'tessera-browser=%', '__Host-tessera-session='],
  dpop: ['x'],
  expect: ['100-continue', '200-ok'],
  forwarded: ['for=1.2.3.4;host=evil.test;proto=https'],
  host: ['evil.test', '', '[', 'localhost:0', '127.0.0.1.evil.test'],
  'if-match': ['*', '"x"', 'W/"x"', 'x', ',', '"'],
  'if-none-match': ['*', '"x", W/"y"', '"'],
  origin: ['null', 'https://app.example.com', 'https://evil.test', '', '://'],
  range: ['bytes=0-', 'bytes=9-1', 'x'],
  'sec-fetch-site': ['same-origin', 'cross-site', 'x'],
  'transfer-encoding': ['chunked', 'gzip, chunked', 'x'],
  upgrade: ['websocket', 'h2c'],
  'x-api-key': [`enrt_${'0'.repeat(64)}`, 'x'],
  'x-forwarded-for': ['1.2.3.4', '::1, x', ','.repeat(500)],
  'x-http-method-override': ['DELETE'],
  'x-request-id': ['x'.repeat(500), '\u00e9'],
}

/** One request of the grammar, with a few things wrong about it. */
export function shapeOf(routes: readonly Route[], supplies: Supplies, random: Random): Shape {
  const [usual, url] = oneOf(routes, random)
  const method = chance(0.08, random) ? oneOf(METHODS, random) : usual
  const pairs = spoiled(pairsFor(url, supplies, random), supplies, random)
  const inQuery = method === 'GET' || method === 'HEAD' ? !chance(0.05, random) : chance(0.08, random)
  return {
    method,
    path: pathOf(url, random),
    query: inQuery ? pairs : [],
    fields: inQuery ? [] : pairs,
    headers: headersFor(url, supplies, random),
  }
}

const PLACES = [
  'my.trusted.app/victim',
  'victim',
  'tessera.css',
  '019e2f3a-4b5c-7000-8000-000000000000',
  '0123456789abcdef',
]

/** Fills in what varies in an address; now and then something is appended, or the slashes are odd. */
function pathOf(url: string, random: Random): string {
  const path = url.replace(/:\w+|\*/g, () => {
    const value = chance(0.5, random) ? oneOf(PLACES, random) : oddValue(random)
    return chance(0.1, random) ? value : encodeURIComponent(Buffer.from(value).toString())
  })
  if (!chance(0.06, random)) return path
  return oneOf(
    [`${path}/`, `/${path}`, `${path}%00`, `${path}/..`, path.toUpperCase(), `${path}%`, `${path};x`, `${path}%2f`],
    random,
  )
}

function pairsFor(url: string, { values }: Supplies, random: Random): Pair[] {
  const sets = TAKES.find(([pattern]) => pattern.test(url))?.slice(1) as (readonly string[])[] | undefined
  const all = [...Object.keys(values), ...MEMBERS]
  const names = sets ? oneOf(sets, random) : Array.from({ length: below(6, random) }, () => oneOf(all, random))
  return names.map((name) => [name, oneOf(values[name] ?? ['x', 'true', '1'], random)])
}

/** Ways to spoil a list of parameters. */
const CHANGES: readonly ((pairs: Pair[], at: number, supplies: Supplies, random: Random) => Pair[])[] = [
  (pairs, at) => pairs.filter((_, index) => index !== at),
  (pairs, at) => [...pairs, ...pairs.slice(at, at + 1)],
  (pairs, at, _supplies, random) =>
    pairs.map(([name, value], index) => [name, index === at ? oddValue(random) : value]),
  (pairs, at, _supplies, random) =>
    pairs.map(([name, value], index) => [name, index === at ? spoil(value, random) : value]),
  (pairs, at, _supplies, random) =>
    pairs.map(([name, value], index) => [index === at ? oddValue(random) : name, value]),
  (pairs, at) => pairs.map(([name, value], index) => [index === at ? `${name}[]` : name, value]),
  (pairs, _at, { values }, random) => {
    const name = oneOf(Object.keys(values), random)
    return [...pairs, [name, oneOf(values[name] ?? [''], random)]]
  },
  (pairs, _at, _supplies, random) => [
    ...pairs,
    ...Array.from({ length: oneOf([70, 500], random) }, (_, index): Pair => [`p${index}`, 'x']),
  ],
]

function spoiled(pairs: Pair[], supplies: Supplies, random: Random): Pair[] {
  let now = pairs
  for (let times = below(4, random); times > 0; times--)
    now = oneOf(CHANGES, random)(now, below(now.length || 1, random), supplies, random)
  return now
}

function headersFor(url: string, { authorizations, cookies }: Supplies, random: Random): Pair[] {
  const administration = authorizations[4] ?? ''
  const fitting = url.startsWith('/manage/') ? administration : oneOf(authorizations, random)
  const maybeSpoiled = (value: string): string => (chance(0.2, random) ? spoil(value, random) : value)
  const odd = Array.from({ length: chance(0.4, random) ? 1 + below(2, random) : 0 }, (): Pair => {
    const name = oneOf(Object.keys(HEADERS), random)
    return [name, chance(0.1, random) ? oddValue(random) : oneOf(HEADERS[name] ?? [''], random)]
  })
  return [
    ...(chance(0.6, random) ? [['authorization', maybeSpoiled(fitting)] as Pair] : []),
    ...(chance(0.04, random) ? [['authorization', maybeSpoiled(oneOf(authorizations, random))] as Pair] : []),
    ...(chance(0.5, random) ? [['cookie', maybeSpoiled(oneOf(cookies, random))] as Pair] : []),
    ...(url.startsWith('/manage/') && chance(0.5, random) ? [['if-match', '*'] as Pair] : []),
    ...(chance(0.1, random) ? [['content-type', oneOf(TYPES, random)] as Pair] : []),
    ...odd,
  ]
}
