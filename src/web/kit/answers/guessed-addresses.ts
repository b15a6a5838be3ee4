/** What people look for at the addresses other servers have. */
interface Sought {
  readonly what: string
  /** Where it is, below the issuer. */
  readonly path: string
  /** Where it is looked for, at the root of the host and below the issuer. */
  readonly guesses: readonly string[]
}

const PREFIXES = [
  '',
  '/oauth',
  '/oauth2',
  '/oauth2/v1',
  '/oauth/v2',
  '/oauth2/v2.0',
  '/protocol/openid-connect',
  '/connect',
]

/** The same below each of what other servers put in front of it. */
const below = (...names: readonly string[]): string[] =>
  PREFIXES.flatMap((prefix) => names.map((name) => `${prefix}/${name}`))

const SOUGHT: readonly Sought[] = [
  { what: 'the token endpoint', path: '/connect/token', guesses: below('token', 'access_token', 'tokens') },
  {
    what: 'the authorization endpoint',
    path: '/connect/authorize',
    guesses: below('authorize', 'auth', 'authorization'),
  },
  { what: 'UserInfo', path: '/connect/userinfo', guesses: below('userinfo', 'user_info', 'me') },
  { what: 'the revocation endpoint', path: '/connect/revocation', guesses: below('revoke', 'revocation') },
  { what: 'the introspection endpoint', path: '/connect/introspect', guesses: below('introspect', 'introspection') },
  {
    what: 'the end-session endpoint',
    path: '/connect/endsession',
    guesses: below('logout', 'endsession', 'end_session', 'end-session', 'signout'),
  },
  { what: 'client registration', path: '/connect/register', guesses: below('register', 'registration', 'clients') },
  {
    what: 'the set of keys',
    path: '/.well-known/openid-configuration/jwks',
    guesses: [
      ...below('jwks', 'jwks.json', 'keys', 'certs', 'discovery/keys'),
      '/.well-known/jwks.json',
      '/.well-known/jwks',
    ],
  },
  {
    what: 'the discovery document',
    path: '/.well-known/openid-configuration',
    guesses: [
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid_configuration',
    ],
  },
]

/** What is at the root of the host, and looked for below the issuer. */
const OUTSIDE: readonly (readonly [what: string, ...paths: string[]])[] = [
  ['who somebody is', '/profile/me'],
  ['the list of your tokens', '/profile/api/v1/tokens'],
  ['the list of your consents', '/profile/api/v1/consents'],
  ['auto-discovery', '/tools/auto-discovery', '/sys/auto-discovery'],
  ['the health of the server', '/health/ready', '/health/live'],
  ['the page of metrics', '/metrics'],
  ['the administration API', '/manage/api/v1/apps', '/manage/api/v1/users'],
]

/**
 * Where somebody finds what they look for at an address that is none here; a look into a table that is made once, as floods of
 * such requests must cost nothing.
 * @param issuer without a slash at the end
 * @param mayRegister whether there is an endpoint for that
 */
export function createFindGuessed(issuer: string, mayRegister: boolean): (path: string) => string | undefined {
  const { origin, pathname } = new URL(issuer)
  const base = pathname.replace(/\/$/, '')
  const answers = new Map<string, string>()
  for (const { what, path, guesses } of SOUGHT) {
    if (path === '/connect/register' && !mayRegister) continue
    const answer = `${what} is ${issuer}${path}`
    for (const guess of [path, ...guesses]) for (const start of ['', base]) answers.set(`${start}${guess}`, answer)
    // Where RFC 8414 would put it for an issuer with a path, OpenID Connect has nothing.
    if (path === '/.well-known/openid-configuration') answers.set(`${path}${base}`, answer)
  }
  if (base !== '')
    for (const [what, ...paths] of OUTSIDE)
      for (const path of paths) answers.set(`${base}${path}`, `${what} is ${origin}${path}`)
  return (path) => answers.get(path.replace(/\/$/, '').toLowerCase())
}
