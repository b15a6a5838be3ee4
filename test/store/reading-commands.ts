import { createHash } from 'node:crypto'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openPlace } from '../../src/store/transfer/place.ts'
import { words } from '../fixtures/cli/cli.ts'
import { emptySite, type Site } from '../fixtures/instance/server-process.ts'
import { everyRow, query } from '../fixtures/store/database.ts'
import { MIGRATIONS } from '../fixtures/store/migrations.ts'
import { onPostgres } from '../fixtures/store/postgres.ts'

const AUTHORIZE = 'http://localhost/id/connect/authorize?client_id=x'

/** Every command that only reads, and whether there is what it asks for in a new instance. */
const READERS: readonly (readonly [line: string, code: number])[] = [
  ['plan FILE', 0],
  [`explain ${AUTHORIZE}`, 1],
  ['explain token --grant client_credentials --client x', 1],
  ['doctor --no-online', 0],
  ['export', 0],
  ['user list', 0],
  ['user show david', 1],
  ['app list', 0],
  ['app show x', 1],
  ['app logouts x', 1],
  ['resource list', 0],
  ['resource show x', 1],
  ['token list', 0],
  ['sign-in list --user david', 1],
  ['sign-in show x', 1],
  ['session list', 0],
  ['consent list', 0],
  ['license show', 0],
  ['registration token list', 0],
  ['key list', 0],
  ['audit list', 0],
  ['audit export', 0],
  ['refusal list', 0],
  ['refusal show x', 1],
]

/** A database of an earlier version, or of this one that no server was started on. */
async function databaseOf(t: Test, level: string | undefined): Promise<Site & { readonly file: string }> {
  const site = await emptySite(t)
  await site.tessera(['--version'])
  const place = openPlace(site.databaseUrl, 'make')
  await place.migrations.migrate(level)
  await place.close()
  writeFileSync(join(site.folder, 'master.key'), `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 })
  const file = join(site.folder, 'tessera.yaml')
  writeFileSync(file, 'users: [{ login: david }]\napps: []\n')
  return { ...site, file }
}

await t.test('a command that only reads brings no older database up to date', async (t) => {
  const [before, latest] = MIGRATIONS.slice(-2)
  const site = await databaseOf(t, before)
  const rows = await everyRow(site)
  for (const [line] of READERS)
    t.strictSame(
      await site.tessera(words(line.replace('FILE', site.file))),
      {
        code: 1,
        stdout: '',
        stderr: `the database is of an older version (pending: ${latest}), and commands that only read change nothing; restart the server with this version, or run tessera db migrate\n`,
      },
      line,
    )
  t.strictSame(await everyRow(site), rows)
  t.equal((await site.tessera(['user', 'add', 'anna'])).code, 0, 'one that writes does')
})

await t.test('nor does it make keys, resources or anything else in one that no server was started on', async (t) => {
  const site = await databaseOf(t, undefined)
  const rows = await everyRow(site)
  for (const [line, code] of READERS) {
    const outcome = await site.tessera(words(line.replace('FILE', site.file)))
    t.equal(outcome.code, code, `${line}: ${outcome.stderr}`)
    t.notMatch(outcome.stderr, 'unexpected')
    t.strictSame(await everyRow(site), rows, line)
  }
  t.strictSame(await query(site, 'select kid from signing_keys'), [])
})

const skip = onPostgres && 'is about files'
await t.test(
  'nor does one change a byte of the file or its mode, which doctor and db check tell of',
  { skip },
  async (t) => {
    const site = await databaseOf(t, undefined)
    await site.tessera(['db', 'migrate'])
    const path = join(site.folder, 'tessera.db')
    chmodSync(path, 0o640)
    const look = () => ({
      mode: (statSync(path).mode & 0o777).toString(8),
      bytes: createHash('sha256').update(readFileSync(path)).digest('hex'),
    })
    const before = look()
    for (const line of [...READERS.map(([line]) => line), 'db check', 'db status', 'db clock']) {
      const { stdout } = await site.tessera(words(line.replace('FILE', site.file)))
      t.strictSame(look(), before, line)
      if (line === 'doctor --no-online') t.match(stdout, /warning +file modes +\S+tessera\.db is/)
      if (line === 'db check') t.match(stdout, /failed +permissions +mode 640/)
    }
  },
)
