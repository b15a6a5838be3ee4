// SQLite alone: is about headers, hosts and addresses, which no database sees
import t from 'tap'
import { routesOf } from '../fixtures/instance/routes.ts'
import { startWorld } from '../fixtures/instance/world.ts'

const { instance } = await startWorld(t)

/** What an address is for: who may cache it, embed it and read it from a page elsewhere follows. */
type Kind = 'page' | 'protocol' | 'public' | 'asset' | 'machine' | 'api' | 'frame'

/** Every address there is. A new one has to say here what it is. */
const KINDS: readonly (readonly [Kind, ...RegExp[]])[] = [
  [
    'page',
    /^\/(id\/?)?$/,
    /^\/id\/(login|consent|logout|logout\/signed-out|error)$/,
    /^\/id\/connect\/(authorize|authorize\/continue|endsession)$/,
  ],
  ['protocol', /^\/id\/connect\/(token|userinfo|introspect|revocation|session|session\/touches|session\/notices)$/],
  ['public', /^\/id\/\.well-known\//, /^\/\.well-known\//, /^\/(tools|sys)\/auto-discovery$/],
  ['asset', /^\/id\/assets\/\*$/, /^\/id\/brand\/(style\.css|logo)$/],
  ['machine', /^\/health\/(live|ready)$/, /^\/metrics$/],
  ['frame', /^\/id\/connect\/checksession$/],
  ['api', /^\/manage\/api\/v1\//, /^\/profile\/(api\/v1\/|me)/],
]

const CSP =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

const EVERYWHERE = {
  'content-security-policy': CSP,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': '',
} as const

/** The one page that apps hold in a frame, with a script of its own. @see OIDC Session Management §3.3 */
const IN_FRAMES = {
  ...EVERYWHERE,
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'",
  'x-frame-options': null,
}

const kindOf = (url: string): Kind | undefined =>
  KINDS.find(([, ...patterns]) => patterns.some((pattern) => pattern.test(url)))?.[0]

await t.test('HC-01, HC-06, HC-07: every route carries the headers of its kind', async (t) => {
  const all = routesOf(instance.server)
  t.ok(all.length > 60, `${all.length} routes`)
  t.strictSame([...new Set(all.map(([, url]) => url).filter((url) => !kindOf(url)))], [], 'each is of a known kind')
  for (const [method, url] of all) {
    const kind = kindOf(url)
    const body = ['POST', 'PUT', 'PATCH'].includes(method) ? { body: 'x=1' } : {}
    const path = url.replace('*', 'tessera.css').replace(/:\w+/g, 'x')
    const answer = await fetch(`${instance.origin}${path}`, {
      method,
      redirect: 'manual',
      headers: { origin: 'null', 'content-type': 'application/x-www-form-urlencoded' },
      ...body,
    })
    const name = `${method} ${url}: ${answer.status}`
    const got = (header: string): string | null => answer.headers.get(header)
    t.ok(answer.status < 500, name)
    const expected = kind === 'frame' && answer.ok ? IN_FRAMES : EVERYWHERE
    for (const [header, value] of Object.entries(expected)) t.equal(got(header), value, `${name}, ${header}`)
    for (const header of ['server', 'x-powered-by', 'access-control-allow-credentials', 'strict-transport-security'])
      t.equal(got(header), null, `${name}, no ${header}`)
    const shared = (kind === 'public' || kind === 'frame') && answer.ok
    const cache = shared ? 'public, max-age=300' : kind === 'asset' && answer.ok ? 'public, max-age=3600' : 'no-store'
    t.equal(got('cache-control'), cache, name)
    t.equal(got('cross-origin-resource-policy'), shared ? 'cross-origin' : 'same-origin', name)
    t.equal(got('access-control-allow-origin'), kind === 'public' ? '*' : null, `${name}, CORS`)
    if (kind !== 'asset' && kind !== 'public') t.equal(got('etag'), null, `${name}, no etag`)
    for (const cookie of answer.headers.getSetCookie())
      t.match(cookie, /; Path=\/; HttpOnly; SameSite=Lax$/, `${name}, cookie`)
  }
})
