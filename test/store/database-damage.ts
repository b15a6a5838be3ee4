import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { tesseraWith, words } from '../fixtures/cli/cli.ts'
import { prepareSite, type Site } from '../fixtures/instance/server-process.ts'
import { DAMAGES, INHABITANTS } from '../fixtures/store/damages.ts'
import { alter } from '../fixtures/store/database.ts'
import { createDatabase, dropDatabase, onPostgres } from '../fixtures/store/postgres.ts'

interface Checked {
  readonly outcome: string
  readonly checks: readonly { name: string; passed: boolean; detail: string }[]
}

/** An instance with something in every table that is looked at. */
async function inhabited(t: Test): Promise<Site> {
  const site = await prepareSite(t)
  const password = 'a password of twenty characters'
  for (const line of [
    'user add david --email david@example.com --password-stdin',
    'user add svc.sync --type SystemUserNoLogin',
    'app register my.trusted.app/web --web --redirect-uri https://app.example.com/cb',
    'app register my.trusted.app/jwt --web --redirect-uri https://jwt.example.com/cb --set TokenEndpointAuthMethod=client_secret_jwt',
    'resource add https://api.example.com --scope read',
  ]) {
    const { code, stderr } = await site.tessera(words(line), line.includes('stdin') ? password : undefined)
    if (code !== 0) throw new Error(`${line}: ${stderr}`)
  }
  await alter(site, INHABITANTS)
  return site
}

/** The same once more, to be damaged. */
async function copyOf(t: Test, site: Site, count: number): Promise<Pick<Site, 'databaseUrl' | 'tessera'>> {
  let databaseUrl = `file:${join(site.folder, `${count}.db`)}`
  if (onPostgres) {
    databaseUrl = await createDatabase(undefined, site.databaseUrl)
    t.teardown(() => dropDatabase(databaseUrl))
  } else copyFileSync(site.databaseUrl.slice('file:'.length), databaseUrl.slice('file:'.length))
  return { databaseUrl, tessera: tesseraWith({ ...site.settings, TESSERA_DATABASE_URL: databaseUrl }) }
}

/** What is wrong, each with its fix; a test server of PostgreSQL is quick rather than durable. */
async function faultsOf({
  tessera,
}: Pick<Site, 'tessera'>): Promise<{ code: number | null; faults: Record<string, string> }> {
  const { code, stdout, stderr } = await tessera(['db', 'check', '--json'])
  if (stderr !== '') throw new Error(stderr)
  const { checks } = JSON.parse(stdout) as Checked
  const wrong = checks.filter(({ passed, name }) => !passed && name !== 'durability')
  return { code, faults: Object.fromEntries(wrong.map(({ name, detail }) => [name, detail])) }
}

const site = await inhabited(t)

await t.test('an instance with something in every table is sound', async (t) => {
  const { code, faults } = await faultsOf(site)
  t.strictSame(faults, {})
  t.equal(code, onPostgres ? 1 : 0)
})

for (const [count, { what, sql, check, says, mended }] of DAMAGES.entries())
  await t.test(`found: ${what}`, async (t) => {
    const damaged = await copyOf(t, site, count)
    await alter(damaged, sql)
    const { code, faults } = await faultsOf(damaged)
    t.equal(code, 1)
    t.strictSame(Object.keys(faults), [check])
    t.match(faults[check], says)
    if (mended === undefined) return
    const mending = await damaged.tessera(words(mended))
    t.equal(mending.code, 0, mending.stderr)
    if (mended === 'db migrate') t.match(mending.stdout, /^Put back: .+\n$/)
    t.strictSame((await faultsOf(damaged)).faults, {}, 'which mends it')
    t.match(await damaged.tessera(['db', 'migrate']), { code: 0, stdout: 'The database is up to date.\n' })
  })

await t.test('many kinds of damage are known', (t) => {
  t.ok(DAMAGES.length > 45)
  t.end()
})

await t.test('with every family of tokens revoked, as after a restore, it is sound', async (t) => {
  const restored = await copyOf(t, site, DAMAGES.length)
  await alter(restored, 'update token_families set revoked_at = 1')
  t.strictSame((await faultsOf(restored)).faults, {})
})
