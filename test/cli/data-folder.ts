import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { tesseraProcess, tesseraWith, words } from '../fixtures/cli/cli.ts'
import { emptySite, serve } from '../fixtures/instance/server-process.ts'
import { query } from '../fixtures/store/database.ts'
import { createDatabase, dropDatabase, onPostgres } from '../fixtures/store/postgres.ts'

/** One of each kind that works on an instance, as somebody types it who is mistaken about where that is. */
const COMMANDS = [
  'user add david --email david@example.com',
  'user list',
  'app list',
  'app register my.trusted.app/spa --spa --redirect-uri http://localhost:5082/',
  'resource list',
  'token list',
  'session list',
  'consent list --user david',
  'license show',
  'registration token list',
  'key list',
  'key rotate',
  'export',
  'audit list',
  'refusal list',
  'explain token --grant client_credentials --client x',
  'doctor --no-online',
  'db status',
  'db backup never.db',
  'db move --to file:never.db',
  'db move --undo --yes',
]

// Each takes another way to the database.
const SOME = ['user list', 'db status', 'db backup never.db', 'db move --to file:never.db', 'db move --undo --yes']

await t.test('a mistyped data folder is refused by every command but those that make an instance', async (t) => {
  const site = await emptySite(t)
  const elsewhere = join(site.folder, 'daat')
  // Beside a database server the folder tells nothing but where the master key is.
  const url = `file:${join(elsewhere, 'tessera.db')}`
  const settings = { ...site.settings, TESSERA_DATA_DIR: elsewhere, TESSERA_DATABASE_URL: url }
  const tessera = tesseraProcess(settings, site.folder)
  const file = join(site.folder, 'tessera.yaml')
  writeFileSync(file, 'users: []\n')
  for (const line of [...COMMANDS, `plan ${file}`]) {
    const outcome = await tessera(words(line))
    matchesWhole(
      t,
      outcome,
      {
        code: 1,
        stdout: '',
        stderr:
          /^there is no instance at file:\/.*daat\/tessera\.db: the folder \/.*\/daat does not exist; check .*TESSERA_DATA_DIR.*--config, or create one with .*tessera (serve|db migrate).*\n$/,
      },
      line,
    )
    t.notOk(existsSync(elsewhere), `${line} makes nothing`)
  }
  t.match(await tessera(['db', 'check']), { code: 1, stdout: /does not exist, .*tessera db migrate/ })
  const json = await tessera(words('user list --json'))
  matchesWhole(t, JSON.parse(json.stderr), { errors: [/^there is no instance at/], exitCode: 1 })

  mkdirSync(elsewhere)
  for (const line of SOME)
    matchesWhole(
      t,
      await tessera(words(line)),
      { code: 1, stdout: '', stderr: /: the folder .*daat does not hold the file tessera\.db; check/ },
      line,
    )
  writeFileSync(join(elsewhere, 'tessera.db'), '')
  for (const line of SOME)
    matchesWhole(
      t,
      await tessera(words(line)),
      { code: 1, stdout: '', stderr: /: the file does not hold a Tessera instance; check/ },
      line,
    )
  t.match(await tessera(['db', 'check']), { code: 1, stdout: /does not hold a Tessera instance.*tessera db migrate/ })
  t.strictSame(readdirSync(elsewhere), ['tessera.db'], 'no key, and nothing beside the file')
  t.strictSame(readdirSync(site.folder).sort(), ['daat', 'tessera.yaml'])
})

await t.test(
  'a database without tables is no instance either',
  { skip: !onPostgres && 'is about servers' },
  async (t) => {
    const site = await emptySite(t)
    const databaseUrl = await createDatabase()
    t.teardown(() => dropDatabase(databaseUrl))
    const tessera = tesseraProcess({ ...site.settings, TESSERA_DATABASE_URL: databaseUrl }, site.folder)
    for (const line of COMMANDS)
      matchesWhole(
        t,
        await tessera(words(line)),
        {
          code: 1,
          stdout: '',
          stderr: /^there is no instance at postgres:.*: the database does not hold a Tessera instance; check/,
        },
        line,
      )
    const tables = 'select table_name from information_schema.tables where table_schema = current_schema()'
    t.strictSame(await query({ databaseUrl }, tables), [])
    t.strictSame(readdirSync(site.folder), [])
  },
)

await t.test('serve, db migrate and apply make an instance, and say so', async (t) => {
  const made = (folder: string) =>
    new RegExp(`^created a new instance: database \\S+, master key ${folder}/master\\.key\\n`)

  const migrated = await emptySite(t)
  const outcome = await migrated.tessera(words('db migrate --json'))
  t.match(outcome, { code: 0, stderr: made(migrated.folder) })
  matchesWhole(t, JSON.parse(outcome.stdout), { created: true, pending: [] })
  matchesWhole(t, JSON.parse((await migrated.tessera(words('db migrate --json'))).stdout), {
    created: false,
    migrated: [],
  })
  t.match(
    await migrated.tessera(words('user add david --json')),
    { code: 0, stderr: /^david has no password/ },
    'and the rest goes on with it',
  )

  const applied = await emptySite(t)
  t.match(await applied.tessera(['apply', '-'], 'users: [{ login: david }]'), { code: 0, stderr: made(applied.folder) })
  matchesWhole(t, await applied.tessera(['apply', '-'], 'users: [{ login: david }]'), { code: 0, stderr: '' })

  const served = await emptySite(t)
  const server = await serve(t, served)
  t.match(server.stderr(), made(served.folder))
  server.kill('SIGTERM')
  await server.ended()
  const again = await serve(t, served)
  t.equal(again.stderr(), '')
})

await t.test('a lost master key is not made anew beside a database that was made with it', async (t) => {
  const site = await emptySite(t)
  await site.tessera(words('db migrate'))
  t.match(await site.tessera(words('user add david --json')), { code: 0 })
  const folder = join(site.folder, 'keys')
  const tessera = tesseraWith({ ...site.settings, TESSERA_MASTER_KEY_FILE: join(folder, 'master.key') })
  for (const line of ['serve', 'db migrate', 'user list', 'apply -'])
    matchesWhole(
      t,
      await tessera(words(line), line === 'apply -' ? 'users: []' : undefined),
      line === 'db migrate'
        ? { code: 0, stdout: 'The database is up to date.\n', stderr: '' }
        : {
            code: 1,
            stdout: '',
            stderr: /^there is no master key: .* does not exist; put the master key of this database there/,
          },
      line,
    )
  t.notOk(existsSync(folder))
})
