import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { tesseraWith, words } from '../fixtures/cli/cli.ts'
import { emptySite, prepareSite, type Site } from '../fixtures/instance/server-process.ts'
import { alter, everyRow, query } from '../fixtures/store/database.ts'
import { ONLY_ON_SQLITE, onPostgres } from '../fixtures/store/postgres.ts'

const CUSTOMERS = `create table customers (name text); insert into customers values ('Miller')`
const REASON = 'of another program and no Tessera instance, and is left as it is; give Tessera a database of its own\n'

const pathOf = ({ databaseUrl }: Site): string => databaseUrl.replace(/^file:/, '')

/** All that may be seen of a database from outside. */
async function stateOf(site: Site): Promise<unknown> {
  const rows = await everyRow(site)
  if (onPostgres) return rows
  const path = pathOf(site)
  return {
    rows,
    bytes: readFileSync(path, 'base64'),
    mode: statSync(path).mode,
    files: readdirSync(site.folder).sort(),
  }
}

async function refused(t: Test, site: Site, lines: readonly string[], found: string): Promise<void> {
  if (!onPostgres) chmodSync(pathOf(site), 0o644)
  const before = await stateOf(site)
  for (const line of lines) {
    const { code, stdout, stderr } = await site.tessera(words(line), line === 'apply -' ? 'users: []' : undefined)
    t.strictSame([code, stdout], [1, ''], line)
    t.match(stderr, /^(file|postgres):/, `${line} names the database`)
    t.ok(stderr.endsWith(` holds ${found} ${REASON}`), `${line}: ${stderr}`)
    t.strictSame(await stateOf(site), before, `${line} leaves it as it is`)
  }
}

const MAKERS = ['serve', 'db migrate', 'apply -']
const OTHERS = ['user list', 'doctor --no-online', 'export', 'db status', 'db backup never.db', 'db move --undo --yes']

await t.test('the database of another program is refused by every command, and nothing is made in it', async (t) => {
  const site = await emptySite(t)
  await site.tessera(['--version'])
  await alter(site, CUSTOMERS)
  await refused(t, site, [...MAKERS, ...OTHERS], 'the table customers')
  t.match(await site.tessera(['db', 'check']), { code: 1, stdout: /holds the table customers of another program/ })
})

await t.test('the migrations of another program are not those of a newer Tessera', async (t) => {
  const site = await emptySite(t)
  await site.tessera(['--version'])
  await alter(site, 'create table kysely_migration (name text primary key, timestamp text not null)')
  await alter(site, `insert into kysely_migration values ('2024-01-customers', '2024-01-01')`)
  await refused(t, site, [...MAKERS, ...OTHERS], 'the migration 2024-01-customers')
})

await t.test('nothing is moved into it, and what a restore replaces is an instance', async (t) => {
  const site = await prepareSite(t)
  await site.tessera(['user', 'add', 'david'])
  const backup = join(site.folder, 'backup.db')
  t.equal((await site.tessera(['db', 'backup', backup])).code, 0)
  const foreign = await emptySite(t)
  await foreign.tessera(['--version'])
  await alter(foreign, CUSTOMERS)
  if (!onPostgres) chmodSync(pathOf(foreign), 0o644)
  const before = await stateOf(foreign)
  const settings = { ...site.settings, TESSERA_DATABASE_URL: foreign.databaseUrl }
  for (const [tessera, line] of [
    [tesseraWith({ ...site.settings, TESSERA_MOVE_TO: foreign.databaseUrl }), 'db move'],
    [tesseraWith(settings), `db restore ${backup}${onPostgres ? '' : ' --replace'}`],
  ] as const) {
    const { code, stdout, stderr } = await tessera(words(line))
    t.strictSame([code, stdout], [1, ''], line)
    t.ok(stderr.endsWith(` holds the table customers ${REASON}`), stderr)
    t.strictSame(await stateOf(foreign), before, line)
  }
  t.strictSame(await query(foreign, 'select name from customers'), [{ name: 'Miller' }])
})

await t.test('a file that is no database is left alone', { skip: ONLY_ON_SQLITE('is about files') }, async (t) => {
  const site = await emptySite(t)
  writeFileSync(pathOf(site), 'Dear Roger, '.repeat(500), { mode: 0o644 })
  const before = readFileSync(pathOf(site), 'utf8')
  for (const line of [...MAKERS, 'user list'])
    matchesWhole(
      t,
      await site.tessera(words(line), line === 'apply -' ? 'users: []' : undefined),
      { code: 1, stdout: '' },
      line,
    )
  t.equal(readFileSync(pathOf(site), 'utf8'), before)
  t.equal(statSync(pathOf(site)).mode & 0o777, 0o644)
})
