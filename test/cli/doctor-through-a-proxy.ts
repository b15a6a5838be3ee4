// SQLite alone: what a proxy does to requests and answers
import type { IncomingHttpHeaders } from 'node:http'
import t, { type Test } from 'tap'
import type { Finding } from '../../src/operations/doctor/finding.ts'
import { type Tessera, tesseraAfter, tesseraProcess } from '../fixtures/cli/cli.ts'
import { freePort } from '../fixtures/instance/ports.ts'
import { prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'
import { CERTIFICATE_FILE, type Habits, startTlsProxy } from '../fixtures/instance/tls-proxy.ts'

const CLOCK_AHEAD = new URL('../fixtures/instance/clock-ahead.mjs', import.meta.url)
const DAY = 86_400_000
const END_OF_CERTIFICATE = Date.UTC(2126, 10, 6, 20, 15, 2)

const CHECKS = ['issuer', 'clocks', 'headers', 'TLS', 'addresses', 'cookies']

/** What the checks of the running server found; the fix stands behind what is not well. */
async function found(tessera: Tessera): Promise<Record<string, string>> {
  const { stdout, stderr } = await tessera(['doctor', '--json'])
  if (stdout === '') throw new Error(stderr)
  const { findings } = JSON.parse(stdout) as { findings: readonly Finding[] }
  const shown = ({ severity, found, fix }: Finding): string =>
    `${severity}: ${found}${fix === null ? '' : ` => ${fix}`}`
  return Object.fromEntries(findings.flatMap((one) => (CHECKS.includes(one.check) ? [[one.check, shown(one)]] : [])))
}

interface Scene {
  readonly site: Site
  readonly settings: Readonly<Record<string, string>>
  readonly behave: (habits: Habits) => void
}

/** An instance that people reach at https://localhost, and an app that they can sign in to. */
async function startScene(t: Test, trustedProxies = '127.0.0.1,::1'): Promise<Scene> {
  const port = await freePort()
  const site = await prepareSite(t, {
    TESSERA_ISSUER: `https://localhost:${port}/id`,
    TESSERA_TRUSTED_PROXIES: trustedProxies,
    NODE_EXTRA_CA_CERTS: CERTIFICATE_FILE,
  })
  const app = ['app', 'register', 'my.app/web', '--web', '--redirect-uri', 'https://app.example.com/cb']
  await site.tessera([...app, '--set', 'RequirePkce=true'])
  await serve(t, site)
  return { site, settings: site.settings, behave: await startTlsProxy(t, port, site.origin) }
}

/** The settings that say where an instance is. */
const databaseOf = ({ settings }: Site): Record<string, string> =>
  Object.fromEntries(
    ['TESSERA_DATA_DIR', 'TESSERA_DATABASE_URL', 'TESSERA_MASTER_KEY', 'TESSERA_MASTER_KEY_FILE'].flatMap((name) =>
      settings[name] === undefined ? [] : [[name, settings[name]]],
    ),
  )

await t.test('doctor: a proxy that takes TLS off, and passes on everything else', async (t) => {
  const { settings } = await startScene(t)
  t.match(await found(tesseraProcess(settings)), {
    issuer: /^ok: people and apps reach the server at https:\/\/localhost:\d+\/id$/,
    clocks: 'ok: the clocks of the server and of this machine agree',
    headers: 'ok: the security headers reach the browser',
    TLS: /^ok: TLSv1\.3, the certificate is valid until Nov {2}6 20:15:02 2126 GMT$/,
    addresses: "ok: the server ignores a stranger's X-Forwarded-For; it sees this machine as 127.0.0.1",
    cookies: 'ok: __Host-, Secure, HttpOnly, SameSite',
  })
})

await t.test('doctor: each habit of a proxy that breaks something is named with its fix', async (t) => {
  const { settings, behave } = await startScene(t)
  const through = async (habits: Habits): Promise<Record<string, string>> => {
    behave(habits)
    return found(tesseraProcess(settings))
  }

  const elsewhere = await through({ target: (path) => path.replace(/^\/id/, '') })
  t.match(elsewhere['issuer'], /^fault: the discovery document answers 404 => let the proxy pass on \/id unchanged/)

  const bare = await through({
    back: ({ 'x-content-type-options': _, 'strict-transport-security': __, ...rest }) => ({
      ...rest,
      date: new Date(Date.now() - 3600_000).toUTCString(),
    }),
  })
  t.equal(
    bare['headers'],
    'fault: the proxy removes X-Content-Type-Options, Strict-Transport-Security => let it pass on headers unchanged',
  )
  t.match(
    bare['clocks'],
    /^warning: the clocks of the server and of this machine differ by 36\d\d s => run NTP on both machines$/,
  )

  const gullible = await through({ onward: (headers) => ({ ...headers, 'x-forwarded-proto': 'https' }) })
  t.match(gullible['addresses'], /^fault: the server trusts any X-Forwarded-For that a stranger sends => /)

  const withCookies = (change: (cookie: string) => string[]) => ({
    back: (headers: IncomingHttpHeaders) => ({
      ...headers,
      'set-cookie': (headers['set-cookie'] ?? []).flatMap(change),
    }),
  })
  const leaky = await through(withCookies((cookie) => [cookie.replace(/; *Secure/i, '')]))
  t.match(
    leaky['cookies'],
    /^fault: __Host-\S+ lost its flags on the way => let the proxy pass on Set-Cookie unchanged$/,
  )
  const none = await through(withCookies(() => []))
  t.equal(none['cookies'], 'warning: the sign-in page sets no cookie => let the proxy pass on Set-Cookie')
})

await t.test('doctor: a proxy on this machine that is not declared, beside one elsewhere that is', async (t) => {
  const declared = '10.0.0.5,fd00::/8,127.1.0.0/16'
  const { settings } = await startScene(t, declared)
  const { addresses = '' } = await found(tesseraProcess(settings))
  const [, seen = '', fix = ''] =
    /^warning: people come through a proxy on the server's own machine \((\S+)\) that TESSERA_TRUSTED_PROXIES does not name, so that all of them share the limits of one address => let that proxy replace X-Forwarded-For with the address of whoever asks it, and then set TESSERA_TRUSTED_PROXIES=(\S+) and restart the server$/.exec(
      addresses,
    ) ?? []
  t.match(seen, /^(127\.0\.0\.1|::1)$/, addresses)
  t.equal(fix, `${declared},${seen}`, 'what is declared stays')
  const { settings: pasted } = await startScene(t, fix)
  t.match((await found(tesseraProcess(pasted)))['addresses'], /^ok: the server ignores a stranger's X-Forwarded-For/)
  const { settings: ranged } = await startScene(t, '10.0.0.5,127.0.0.0/8,::1/128')
  t.match((await found(tesseraProcess(ranged)))['addresses'], /^ok: /, 'a network that holds it declares it')
})

await t.test('doctor: another server answers at the address of this one', async (t) => {
  const { site, settings } = await startScene(t)
  const other = await prepareSite(t, { TESSERA_ISSUER: site.settings['TESSERA_ISSUER'] ?? '' })
  const { addresses } = await found(tesseraProcess({ ...settings, ...databaseOf(other) }))
  t.match(addresses, /another database/)
})

await t.test('doctor: a certificate that ends soon, and one that nobody vouches for', async (t) => {
  const { settings } = await startScene(t)
  const ahead = END_OF_CERTIFICATE - Date.now() - 10.5 * DAY
  const soon = await found(tesseraAfter(CLOCK_AHEAD, { ...settings, CLOCK_AHEAD: String(ahead) }))
  t.equal(soon['TLS'], 'warning: the certificate ends in 10 days => renew it, and automate the renewal')
  const { NODE_EXTRA_CA_CERTS: _, ...without } = settings
  t.match(
    (await found(tesseraProcess(without)))['issuer'],
    /^fault: https:\/\/localhost:\d+\/id does not answer: .*self-signed.* => .*vouches for its certificate: set NODE_EXTRA_CA_CERTS to/,
  )
})
