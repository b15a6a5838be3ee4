import { chmodSync } from 'node:fs'
import t from 'tap'
import type { Finding } from '../../src/operations/doctor/finding.ts'
import type { ProfileReport } from '../../src/operations/doctor/security-profiles.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import type { Tessera } from '../fixtures/cli/cli.ts'
import { prepareSite, serve } from '../fixtures/instance/server-process.ts'

interface Report {
  readonly faults: number
  readonly warnings: number
  readonly findings: readonly Finding[]
  readonly profiles: readonly ProfileReport[]
}

async function doctor(tessera: Tessera, ...flags: string[]): Promise<Report & { readonly code: number | null }> {
  const { code, stdout, stderr } = await tessera(['doctor', '--json', ...flags])
  if (stdout === '') throw new Error(stderr)
  return { code, ...(JSON.parse(stdout) as Report) }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

const unwell = ({ findings }: Report) =>
  findings.filter(({ severity }) => severity !== 'ok').map(({ check, severity }) => `${severity}: ${check}`)

await t.test('tessera doctor: a running instance, from inside and from where people are', async (t) => {
  const site = await prepareSite(t)
  const { tessera } = site
  const register = (uri: string, ...flags: string[]) => tessera(['app', 'register', uri, ...flags])
  await register('my.app/web', '--web', '--redirect-uri', 'https://app.example.com/cb', '--set', 'RequirePkce=true')
  await serve(t, site)

  const healthy = await doctor(tessera)
  t.strictSame({ code: healthy.code, unwell: unwell(healthy) }, { code: 0, unwell: [] })
  const looked = new Set(healthy.findings.map(({ check }) => check))
  for (const check of ['issuer', 'clock', 'clocks', 'headers', 'addresses', 'cookies', 'proxies', 'app my.app/web'])
    t.ok(looked.has(check), check)
  const refusals = JSON.parse((await tessera(['refusal', 'list', '--json'])).stdout) as { sent: string }[]
  t.strictSame(
    refusals.map(({ sent }) => sent),
    ['tessera-doctor'],
    'and all that it leaves is one refusal of its own',
  )
  matchesWhole(t, healthy.profiles, [
    { app: 'my.app/web', profile: 'OAuth 2.1', missing: [] },
    {
      app: 'my.app/web',
      profile: 'FAPI 2.0',
      missing: [/private_key_jwt/, /ClientAssertionAudience/, /PS256/, /pushed authorization/, /sender-constrained/],
    },
  ])

  const text = await tessera(['doctor'])
  t.match(text, {
    code: 0,
    stdout: /^ok +file modes[\s\S]*my\.app\/web +OAuth 2\.1 +met[\s\S]*0 faults, 0 warnings\.\n$/,
  })

  await register('my.app/old', '--web', '--redirect-uri', 'https://old.example.com/cb', '--set', 'RequirePkce=false')
  await register(
    'my.app/bank',
    ...[
      '--web',
      '--redirect-uri',
      'https://bank.example.com/cb',
      '--set',
      'RequirePkce=true',
      '--set',
      'SigningAlgorithm=PS256',
    ],
    ...['--set', 'JwksUri=https://bank.example.com/jwks', '--set', 'TokenEndpointAuthMethod=private_key_jwt'],
    ...['--set', 'ClientAssertionAudience=issuer'],
  )
  await tessera(['app', 'rotate-secret', 'my.app/web', '--expires', '10d'])
  const unwise = await doctor(tessera, '--no-online')
  t.equal(unwise.code, 0, 'warnings alone break nothing')
  t.notOk(
    unwise.findings.some(({ check }) => check === 'issuer'),
    'the server is not asked',
  )
  const web = unwise.findings.filter(({ check }) => check === 'app my.app/web')
  matchesWhole(t, web, [
    { severity: 'warning', found: 'its last secret ends in 10 days', fix: /^tessera app rotate-secret my\.app\/web/ },
  ])
  matchesWhole(
    t,
    unwise.findings.filter(({ check }) => check === 'app my.app/old'),
    [{ found: /without PKCE/, fix: /^tessera app update my\.app\/old --set RequirePkce=true/ }],
  )
  matchesWhole(
    t,
    unwise.findings.filter(({ check }) => check === 'app my.app/bank'),
    [{ severity: 'ok' }],
  )
  t.strictSame(
    unwise.profiles.filter(({ app }) => app === 'my.app/bank').map(({ missing }) => missing.length),
    [0, 2],
    'of FAPI 2.0 it lacks what this server does not offer',
  )
  matchesWhole(
    t,
    unwise.profiles.filter(({ app }) => app === 'my.app/old'),
    [{ missing: [/PKCE/] }, { profile: 'FAPI 2.0' }],
  )
  for (const { severity, fix } of unwise.findings) t.equal(fix === null, severity === 'ok', 'each finding has its fix')

  chmodSync(site.folder, 0o755)
  t.match(
    (await doctor(tessera, '--no-online')).findings.find(({ check }) => check === 'file modes'),
    { severity: 'warning', found: /is accessible to other users/, fix: `chmod 700 ${site.folder}` },
  )
})

await t.test('tessera doctor: in a flood of refusals its own is not recorded, which proves nothing', async (t) => {
  const site = await prepareSite(t)
  await serve(t, site)
  const refusal = (): Promise<number> =>
    fetch(`${site.issuer}/connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'nobody' }),
    }).then(({ status }) => status)
  // A node writes down 600 of them a minute.
  for (let round = 0; round < 35; round++) await Promise.all(Array.from({ length: 20 }, refusal))
  const flooded = await doctor(site.tessera)
  t.strictSame({ code: flooded.code, unwell: unwell(flooded) }, { code: 0, unwell: ['warning: addresses'] })
  t.match(
    flooded.findings.find(({ check }) => check === 'addresses'),
    { found: /could not be seen: its refusal is not in this database/, fix: /^try again when fewer/ },
  )
})

await t.test('tessera doctor: says how metrics are read', async (t) => {
  const of = async (settings: Readonly<Record<string, string>>) => {
    const { tessera } = await prepareSite(t, settings)
    return (await doctor(tessera, '--no-online')).findings.find(({ check }) => check === 'metrics')
  }
  const https = { TESSERA_ISSUER: 'https://id.example.com/id', TESSERA_TRUSTED_PROXIES: '127.0.0.1' }
  t.match(await of({}), { severity: 'ok', found: 'open to programs of this machine' })
  t.match(await of(https), { severity: 'ok', found: /^nobody can read \/metrics; .* set TESSERA_METRICS_TOKEN/ })
  const token = { TESSERA_METRICS_TOKEN: 'metrics-token-0123456789' }
  t.match(await of({ ...https, ...token }), { severity: 'ok', found: 'open to whoever sends the token' })
})

await t.test('tessera doctor: a server that believes strangers, and one that is not there', async (t) => {
  const site = await prepareSite(t, { TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' })
  const { tessera } = site
  const alone = await doctor(tessera)
  t.equal(alone.code, 1)
  t.match(
    alone.findings.find(({ check }) => check === 'issuer'),
    { severity: 'fault', found: /does not answer: .*ECONNREFUSED/, fix: /start the server/ },
  )
  await serve(t, site)
  const gullible = await doctor(tessera)
  t.equal(gullible.code, 1)
  t.match(
    gullible.findings.find(({ check }) => check === 'addresses'),
    { severity: 'fault', found: /trusts any X-Forwarded-For/, fix: /let the proxy replace that header/ },
  )
})

await t.test(
  'tessera doctor: what holds of several apps is said once for people, and of each for scripts',
  async (t) => {
    const { tessera } = await prepareSite(t)
    const register = (uri: string, pkce: boolean, ...flags: string[]) =>
      tessera([
        ...['app', 'register', uri, '--web', '--redirect-uri', 'https://app.example.com/cb'],
        ...['--set', `RequirePkce=${pkce}`, ...flags],
      ])
    const lines = async (): Promise<string> => (await tessera(['doctor', '--no-online'])).stdout
    const found = 'a stolen code can be used without PKCE (see first that its library sends code_challenge)'
    const fix = (apps: string): string => `tessera app update APP --set RequirePkce=true, where APP is ${apps}`
    const said = (count: string, apps: string): RegExp =>
      new RegExp(`^warning +${count} +${escaped(found)}[^\\n]*${escaped(fix(apps))}$`, 'm')

    await register('my.app/good', true)
    await register('my.app/a', false)
    t.match(
      await lines(),
      /^warning +app my\.app\/a +a stolen code .*tessera app update my\.app\/a --set/m,
      'one by its name',
    )
    t.match(await lines(), /^ok +app my\.app\/good +nothing to fix$/m)
    await register('my.app/b', false)
    t.match(await lines(), said('2 of 3 apps', 'my.app/a, my.app/b'))
    await register('my.app/fine', true)
    const text = await lines()
    t.match(text, /^ok +2 of 4 apps +nothing to fix$/m)
    t.ok(
      text.indexOf('warning  2 of 4 apps') < text.indexOf('ok       2 of 4 apps'),
      'what is to be mended comes first',
    )
    for (const name of ['c', 'd', 'e', 'f']) await register(`my.app/${name}`, false)
    t.match(
      await lines(),
      said('6 of 8 apps', 'my.app/a, my.app/b, my.app/c, my.app/d, my.app/e and 1 more (--json names them)'),
    )
    const report = await doctor(tessera, '--no-online')
    t.strictSame(
      report.findings.filter((finding) => finding.found === found).map(({ check }) => check),
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `app my.app/${name}`),
    )
  },
)
