import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SETTINGS } from '../../src/config/settings.ts'
import { INSTANCE_SETTING_NAMES } from '../../src/domain/instance/instance-settings.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, type Outcome, tesseraWith, words } from '../fixtures/cli/cli.ts'
import { emptyPlaceOf } from '../fixtures/instance/place.ts'
import { prepareSite } from '../fixtures/instance/server-process.ts'
import { query } from '../fixtures/store/database.ts'
import { onPostgres } from '../fixtures/store/postgres.ts'

interface Shown {
  readonly name: string
  readonly kind: string
  readonly value: string | null
  readonly from: string
}

const shownIn = ({ stdout }: Outcome): ReadonlyMap<string, Shown> =>
  new Map((JSON.parse(stdout) as Shown[]).map((setting) => [setting.name, setting]))

await t.test('settings shows what is in force and from where, and no secret', async (t) => {
  const site = await prepareSite(t)
  const file = join(site.folder, 'tessera.env')
  writeFileSync(file, 'TESSERA_AUDIENCE=FromFile\nTESSERA_INSTANCE=lost\n')
  const more = {
    TESSERA_INSTANCE: 'from-environment',
    TESSERA_METRICS_TOKEN: 'canary-canary-canary',
    TESSERA_MOVE_TO: 'postgres://tessera:canary@db.example.com/tessera',
    TESSERA_LOG_LEVEL: '',
  }
  const tessera = tesseraWith({ ...site.settings, ...more })
  const said = await tessera(['settings', '--json', '--config', file])
  const all = shownIn(said)
  t.strictSame([...all.keys()], [...Object.keys(SETTINGS), ...INSTANCE_SETTING_NAMES])
  const inShort = (name: string) => [all.get(name)?.value, all.get(name)?.from, all.get(name)?.kind]
  t.strictSame(inShort('TESSERA_AUDIENCE'), ['FromFile', 'config file', 'process'])
  t.strictSame(inShort('TESSERA_INSTANCE'), ['from-environment', 'environment', 'process'])
  t.strictSame(inShort('TESSERA_LOG_LEVEL'), ['info', 'default', 'process'], 'nothing is as good as not given')
  t.strictSame(inShort('TESSERA_METRICS_TOKEN'), ['(hidden)', 'environment', 'process'])
  t.strictSame(inShort('TESSERA_MOVE_TO'), ['postgres://tessera@db.example.com/tessera', 'environment', 'process'])
  t.strictSame(inShort('AuditRetention'), ['400d', 'default', 'instance'])
  t.notMatch(said.stdout, /canary/)

  const text = (await tessera(['settings'])).stdout
  t.match(text, /^SETTING +VALUE +FROM +MEANING\nTESSERA_ISSUER +http\S+ +environment +\S/)
  t.match(text, /^ApiSessionIdle +20m +default +how long/m)
  t.match(
    (await tessera(words('settings ApiSessionIdle'))).stdout,
    /^ApiSessionIdle\n +Value +20m\n +From +default\n +Default +20m\n +Meaning +how long .*\n +Expects +a length of time .*\n +Change +tessera settings set ApiSessionIdle VALUE\n$/,
  )
  t.equal((await tessera(words('settings list ApiSessionIdle'))).code, 0)
})

await t.test('settings are shown where something is wrong with them, or there is no instance', async (t) => {
  const { tesseraWith: at } = emptyPlaceOf(t, 'tessera-settings-')
  const none = await at({})(['settings', '--json'])
  t.equal(none.code, 0)
  t.equal(shownIn(none).get('AuditRetention')?.value, '400d')
  t.match(none.stderr, /^there is no instance yet: settings of the instance are shown with their defaults\n$/)
  const wrong = await at({ TESSERA_ISSUER: 'http://u:canary@h/', TESSERA_ISUER: 'x' })(['settings', '--json'])
  t.equal(wrong.code, 2)
  t.equal(shownIn(wrong).get('TESSERA_ISSUER')?.value, null)
  matchesWhole(t, JSON.parse(wrong.stderr), {
    errors: [/^TESSERA_ISUER is not a setting; did you mean TESSERA_ISSUER\?$/, /^TESSERA_ISSUER must not have/],
    exitCode: 2,
  })
  t.notMatch(wrong.stdout + wrong.stderr, /canary/)
  const away = await at({ TESSERA_DATABASE_URL: 'postgres://x:canary@127.0.0.1:1/x' })(['settings'])
  t.equal(away.code, 1)
  t.match(away.stdout, /^TESSERA_DATABASE_URL +postgres:\/\/x@127\.0\.0\.1:1\/x +environment/m)
  t.match(away.stderr, /defaults:\nthe database postgres:\/\/x@127\.0\.0\.1:1\/x cannot be opened/)
})

await t.test('settings set and unset change those of the instance, checked and audited', async (t) => {
  const site = await prepareSite(t)
  const { tessera } = site
  const valueNow = async (name: string) => {
    const shown = shownIn(await tessera(['settings', '--json'])).get(name)
    return [shown?.value, shown?.from]
  }
  t.match(await tessera(words('settings set ApiSessionIdle 30m')), {
    code: 0,
    stdout: /^ApiSessionIdle {2}20m {2}-> {2}30m\n$/,
  })
  t.strictSame(await valueNow('ApiSessionIdle'), ['30m', 'database'])
  t.match((await tessera(words('settings set ApiSessionIdle 30m'))).stdout, /^Nothing to change/)
  matchesWhole(t, await documentOf(tessera(words('settings set LicenceSlots 7 --json'))), {
    name: 'LicenceSlots',
    value: '7',
    before: 'unlimited',
  })
  t.equal((await documentOf(tessera(words('license show --json'))))['slots'], 7)
  t.equal((await documentOf(tessera(words('license set --slots unlimited --json'))))['slots'], null)
  t.match(await tessera(words('settings unset ApiSessionIdle')), { code: 0, stdout: /30m {2}-> {2}20m\n$/ })
  t.strictSame(await valueNow('ApiSessionIdle'), ['20m', 'default'])
  const events = await query<{ detail: string; actor: string }>(
    site,
    "select detail, actor from audit_events where event = 'setting_changed' order by happened_at, id",
  )
  t.strictSame(
    events.map(({ detail }) => (JSON.parse(detail) as { fields: unknown }).fields),
    [
      { ApiSessionIdle: { from: '20m', to: '30m' } },
      { LicenceSlots: { from: 'unlimited', to: '7' } },
      { ApiSessionIdle: { from: '30m', to: '20m' } },
    ],
  )
  t.match(events[0]?.actor, /^cli:/)
})

await t.test('what cannot be set is answered with what can', async (t) => {
  const { tessera } = await prepareSite(t)
  const mistakes: readonly (readonly [line: string, said: RegExp])[] = [
    ['settings set ApiSessionIdle soon', /^ApiSessionIdle: expects a length of time from 1m to 12h, such as 20m\n$/],
    ['settings set LicenceSlots 0', /^LicenceSlots: expects a whole number from 1 to 999999999, or unlimited\n$/],
    [
      'settings set TESSERA_ISSUER https://id.example.com',
      /^TESSERA_ISSUER is read when the server starts: change it in its environment or in the file of --config, and restart/,
    ],
    [
      'settings set ApiSesionIdle 30m',
      /^unknown setting 'ApiSesionIdle'\n\(Did you mean ApiSessionIdle\?\)\ntessera settings lists them all\n$/,
    ],
    ['settings unset TESSERA_ISUER', /^unknown setting 'TESSERA_ISUER'\n\(Did you mean TESSERA_ISSUER\?\)\n.*\n$/],
    [
      'settings Colour',
      /^unknown setting 'Colour'\nexpected one of: AuditRetention, .*\ntessera settings lists them all\n$/,
    ],
    ['settings st ApiSessionIdle 30m', /^unknown setting 'st'\n\(Did you mean set\?\)\n/],
  ]
  for (const [line, said] of mistakes)
    matchesWhole(t, await tessera(words(line)), { code: 2, stdout: '', stderr: said }, line)
})

await t.test('files set settings, and null is the default; export, backup and restore take them along', async (t) => {
  const site = await prepareSite(t)
  const { tessera, folder } = site
  const file = join(folder, 'settings.yaml')
  writeFileSync(file, 'settings: { RefusalLimit: 200, LicenceSlots: 3, AuditRetention: null }\n')
  t.equal((await tessera(words('settings set AuditRetention 30d'))).code, 0)
  t.equal((await tessera(['apply', file])).code, 0)
  const now = async () => {
    const all = shownIn(await tessera(['settings', '--json']))
    return ['RefusalLimit', 'LicenceSlots', 'AuditRetention'].map((name) => all.get(name)?.value)
  }
  t.strictSame(await now(), ['200', '3', '400d'])
  t.match(await documentOf(tessera(['export', '--json'])), { settings: { RefusalLimit: '200', LicenceSlots: '3' } })
  const backup = join(folder, 'backup.db')
  t.equal((await tessera(['db', 'backup', backup])).code, 0)
  t.equal((await tessera(words('settings set RefusalLimit 300'))).code, 0)
  // A database of PostgreSQL is not replaced; which tables a restore takes along is the same.
  if (onPostgres) return
  const restored = await tessera(['db', 'restore', backup, '--replace'])
  t.equal(restored.code, 0, restored.stderr)
  t.strictSame(await now(), ['200', '3', '400d'])
})
