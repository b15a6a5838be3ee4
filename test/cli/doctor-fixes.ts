import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Finding } from '../../src/operations/doctor/finding.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { pasted, type Tessera, tesseraProcess, tesseraWith } from '../fixtures/cli/cli.ts'
import { prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'
import { alter } from '../fixtures/store/database.ts'
import { ONLY_ON_SQLITE, onPostgres } from '../fixtures/store/postgres.ts'

type Unwell = Finding & { readonly fix: string }

async function unwell(tessera: Tessera, ...flags: string[]): Promise<Unwell[]> {
  const { stdout, stderr } = await tessera(['doctor', '--json', ...flags])
  if (stdout === '') throw new Error(stderr)
  const { findings } = JSON.parse(stdout) as { findings: Finding[] }
  return findings.filter((finding): finding is Unwell => finding.severity !== 'ok')
}

/** A fix that is to be pasted into a shell; any other is for people to read. */
const isCommand = ({ fix }: Unwell): boolean => /^(tessera|chmod) /.test(fix)
const DAY = 86_400_000

const APPS: readonly (readonly [name: string, ...flags: string[]])[] = [
  ['my.app/old', '--web', '--redirect-uri', 'https://old.example.com/cb', '--set', 'RequirePkce=false'],
  [
    'my.app/implicit',
    ...['--web', '--redirect-uri', 'https://implicit.example.com/cb', '--set', 'RequirePkce=true'],
    ...['--set', 'ResponseTypes=code id_token,code id_token token,id_token token'],
  ],
  [
    'my.app/front',
    ...['--web', '--redirect-uri', 'https://front.example.com/cb', '--set', 'RequirePkce=true'],
    ...['--set', 'ResponseTypes=id_token token'],
  ],
  ['my.app/spa', '--spa', '--redirect-uri', 'https://spa.example.com/', '--set', 'RequireConsent=false'],
  ['my.app/native', '--spa', '--redirect-uri', 'http://127.0.0.1/', '--set', 'RequireConsent=false'],
  ['my.app/long', '--spa', '--redirect-uri', 'https://long.example.com/', '--set', 'RefreshTokenLifetime=30d'],
  ['my.app/replays', '--spa', '--redirect-uri', 'https://replays.example.com/', '--set', 'RefreshReplayWindow=60s'],
  ...['aged', 'aged-two', 'ending', 'ending-two', 'none'].map(
    (name) =>
      [
        `my.app/${name}`,
        ...['--web', '--redirect-uri', `https://${name}.example.com/cb`, '--set', 'RequirePkce=true'],
      ] as const,
  ),
]

async function makeUnwise(site: Site): Promise<void> {
  for (const [name, ...flags] of APPS) {
    const { code, stderr } = await site.tessera(['app', 'register', name, ...flags])
    if (code !== 0) throw new Error(`${name}: ${stderr}`)
  }
  const rotate = (name: string, ...flags: string[]) => site.tessera(['app', 'rotate-secret', name, ...flags])
  await rotate('my.app/aged-two', '--overlap', '90d')
  await rotate('my.app/ending', '--expires', '10d')
  await rotate('my.app/ending-two', '--expires', '10d', '--overlap', '5d')
  const old = "application_uri in ('my.app/aged', 'my.app/aged-two')"
  await alter(site, `update app_secrets set created_at = created_at - ${400 * DAY} where ${old}`)
  await alter(site, "delete from app_secrets where application_uri = 'my.app/none'")
}

await t.test('each command that doctor prints can be pasted, and mends what it is printed for', async (t) => {
  const site = await prepareSite(t)
  await makeUnwise(site)
  const found = await unwell(site.tessera, '--no-online')
  t.strictSame([...new Set(found.map(({ check }) => check))].sort(), [
    ...['app my.app/aged', 'app my.app/aged-two', 'app my.app/ending', 'app my.app/ending-two', 'app my.app/front'],
    ...['app my.app/implicit', 'app my.app/long', 'app my.app/none', 'app my.app/old', 'app my.app/replays'],
    'app my.app/spa',
  ])
  t.strictSame(
    found.filter((finding) => !isCommand(finding)),
    [],
    'what is wrong with an app is mended by a command',
  )
  for (const { check, found: what, fix } of found) {
    t.equal(spawnSync('bash', ['-n', '-c', fix]).status, 0, `${fix} is a command`)
    // What an earlier one has mended needs no mending.
    if (!(await unwell(site.tessera, '--no-online')).some((each) => each.check === check && each.found === what))
      continue
    const { code, stderr } = await pasted(site, fix)
    t.equal(code, 0, `${fix}: ${stderr}`)
    t.strictSame(
      (await unwell(site.tessera, '--no-online')).filter((each) => each.check === check && each.found === what),
      [],
      `${check}: ${what}`,
    )
  }
  t.strictSame(await unwell(site.tessera, '--no-online'), [], 'and makes nothing else worse')
  const kept = await site.tessera(['app', 'show', 'my.app/implicit'])
  t.match(kept.stdout, /ResponseTypes +code id_token\n/, 'what passed through no browser is kept')
})

await t.test('files and folders of our own are closed, whatever they are called', async (t) => {
  const site = await prepareSite(t)
  const folder = join(site.folder, "roger's $HOME; true")
  mkdirSync(folder, { mode: 0o755 })
  for (const name of ['master.key', ...(onPostgres ? [] : ['tessera.db'])])
    renameSync(join(site.folder, name), join(folder, name))
  const { TESSERA_DATABASE_URL: url = `file:${join(folder, 'tessera.db')}`, ...rest } = site.settings
  const databaseUrl = onPostgres ? url : `file:${join(folder, 'tessera.db')}`
  const tessera = tesseraWith({ ...rest, TESSERA_DATA_DIR: folder, TESSERA_DATABASE_URL: databaseUrl })
  const found = await unwell(tessera, '--no-online')
  t.strictSame(
    found.map(({ check, found: what }) => `${check}: ${what}`),
    [`file modes: ${folder} is accessible to other users`],
  )
  for (const finding of found) {
    t.ok(isCommand(finding))
    t.equal((await pasted({ ...site, folder, databaseUrl }, finding.fix)).code, 0, finding.fix)
  }
  t.equal(statSync(folder).mode & 0o777, 0o700)
  t.strictSame(await unwell(tessera, '--no-online'), [])

  /** What is said behind this word is pasted, and mends it. */
  async function mends(args: readonly string[], word: string): Promise<void> {
    const { stdout, stderr } = await tessera(args)
    const [, fix = ''] = `${stdout}\n${stderr}`.split(word)
    const command = fix.split('\n')[0] ?? ''
    t.match(command, /^chmod 600 /, args.join(' '))
    t.equal((await pasted({ ...site, folder, databaseUrl }, command)).code, 0, command)
    t.equal((await tessera(args)).code, 0, `${args.join(' ')}, after ${command}`)
  }
  chmodSync(join(folder, 'master.key'), 0o644)
  await mends(['key', 'list'], 'fix it with: ')
  if (onPostgres) return
  chmodSync(join(folder, 'tessera.db'), 0o644)
  await mends(['db', 'check'], 'other than the owner can access it; ')
})

await t.test(
  'the log of the database is for nobody else either',
  { skip: ONLY_ON_SQLITE('is about files') },
  async (t) => {
    const site = await prepareSite(t)
    await site.tessera(['user', 'add', 'david'])
    await serve(t, site)
    const log = join(site.folder, 'tessera.db-wal')
    chmodSync(log, 0o644)
    const [finding, ...more] = await unwell(site.tessera, '--no-online')
    t.strictSame([finding?.found, more], [`${log} is accessible to other users`, []])
    t.equal((await pasted(site, finding?.fix ?? '')).code, 0)
    t.strictSame(await unwell(site.tessera, '--no-online'), [])
  },
)

await t.test('a folder that others use is never closed to them', async (t) => {
  const site = await prepareSite(t)
  const shared = join(site.folder, 'etc')
  mkdirSync(shared, { mode: 0o755 })
  writeFileSync(join(shared, 'passwd'), 'root', { mode: 0o644 })
  renameSync(join(site.folder, 'master.key'), join(shared, 'tessera.key'))
  const tessera = tesseraWith({ ...site.settings, TESSERA_MASTER_KEY_FILE: join(shared, 'tessera.key') })
  t.strictSame(await unwell(tessera, '--no-online'), [], 'a key for its owner alone may lie in /etc')

  const findings = async (mode: number): Promise<Unwell[]> => {
    chmodSync(shared, mode)
    return unwell(tessera, '--no-online')
  }
  // As /tmp is, with other files and without.
  for (const mode of [0o777, 0o1777, 0o775]) {
    const [finding, ...more] = await findings(mode)
    t.strictSame(more, [])
    t.match(finding, {
      check: 'file modes',
      severity: 'warning',
      found: `other users can put files into ${shared}, beside tessera.key`,
      fix: /^move what is Tessera's into a folder of its own/,
    })
    t.notMatch(finding?.fix, 'chmod')
  }
})

await t.test(
  'a key beside the database is noticed by any path',
  { skip: ONLY_ON_SQLITE('is about files') },
  async (t) => {
    const site = await prepareSite(t)
    await site.tessera(['user', 'add', 'david'])
    symlinkSync(site.folder, `${site.folder}.link`)
    t.teardown(() => rmSync(`${site.folder}.link`))
    const https = {
      ...site.settings,
      TESSERA_ISSUER: 'https://id.example.com/id',
      TESSERA_TRUSTED_PROXIES: '192.0.2.1',
    }
    const keyFile = join(site.folder, 'master.key')
    for (const settings of [
      { ...https, TESSERA_DATABASE_URL: 'file:tessera.db', TESSERA_MASTER_KEY_FILE: keyFile },
      { ...https, TESSERA_DATABASE_URL: 'file:./x/../tessera.db', TESSERA_MASTER_KEY_FILE: 'master.key' },
      { ...https, TESSERA_DATABASE_URL: `file:${site.folder}.link/tessera.db`, TESSERA_MASTER_KEY_FILE: keyFile },
    ]) {
      const found = await unwell(tesseraProcess(settings, site.folder), '--no-online')
      matchesWhole(
        t,
        found.map(({ check }) => check),
        ['master key'],
        settings.TESSERA_DATABASE_URL,
      )
    }
  },
)

await t.test(
  'an app that takes code id_token, or nothing that is offered, is no false alarm about cookies',
  async (t) => {
    const site = await prepareSite(t)
    const register = (name: string, types: string) =>
      site.tessera([
        ...['app', 'register', name, '--web', '--redirect-uri', 'https://a.example.com/cb'],
        ...['--set', 'RequirePkce=true', '--set', `ResponseTypes=${types}`],
      ])
    await register('my.app/a-front', 'id_token token')
    await serve(t, site)
    const cookies = async () => (await unwell(site.tessera)).filter(({ check }) => check !== 'app my.app/a-front')
    t.strictSame(await cookies(), [])
    await register('my.app/b-hybrid', 'code id_token')
    t.strictSame(await cookies(), [])
  },
)
