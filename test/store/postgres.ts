import t, { type Test } from 'tap'
import { openStore } from '../../src/store/open-store.ts'
import { documentOf, type Outcome, tesseraWith, words } from '../fixtures/cli/cli.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { emptyPlaceOf, type Place } from '../fixtures/instance/place.ts'
import { freePort } from '../fixtures/instance/ports.ts'
import { alter, everyRow, query } from '../fixtures/store/database.ts'
import { MIGRATIONS as ALL } from '../fixtures/store/migrations.ts'
import { askPostgres, dropDatabase, newDatabaseUrl, ONLY_ON_POSTGRES, serverUrl } from '../fixtures/store/postgres.ts'

const CANARY = 'canary-of-the-database'

const only = { skip: ONLY_ON_POSTGRES }
const refused = (line: string): Outcome => ({ code: 1, stdout: '', stderr: `${line}\n` })
const done = (stdout: string): Outcome => ({ code: 0, stdout, stderr: '' })

/** An empty database of the test's own. */
async function emptyPlace(t: Test): Promise<Place> {
  const place = emptyPlaceOf(t)
  await place.prepare()
  return place
}

/** The URL with other parts, and how it may be shown. */
function changed(
  url: string,
  parts: Partial<Record<'username' | 'password' | 'host' | 'pathname' | 'search', string>>,
) {
  const other = Object.assign(new URL(url), parts)
  const shown = Object.assign(new URL(other.href), { password: '' })
  return { url: other.href, shown: shown.href }
}

const schemaOf = (place: Place) =>
  query(
    place,
    `select table_name, column_name, data_type, is_nullable, collation_name from information_schema.columns
     where table_schema = current_schema() order by 1, 2`,
  )

await t.test('a database that cannot be opened is one clear line, without the password', only, async (t) => {
  const { folder, databaseUrl } = await emptyPlace(t)
  const nobody = await freePort()
  const faults: readonly (readonly [parts: Parameters<typeof changed>[1], reason: RegExp])[] = [
    [{ host: `localhost:${nobody}`, password: CANARY }, /connect ECONNREFUSED/],
    [{ host: 'no-such-host.invalid', password: CANARY }, /getaddrinfo (ENOTFOUND|EAI_AGAIN) no-such-host\.invalid/],
    [{ password: CANARY }, /password authentication failed for user "postgres"/],
    [{ username: 'stranger', password: CANARY }, /password authentication failed for user "stranger"/],
    [{ pathname: '/nowhere' }, /database "nowhere" does not exist/],
    [{ search: '?sslmode=verify-full' }, /The server does not support SSL connections/],
    [{ search: '?sslmode=verify-full&sslrootcert=/nowhere.pem' }, /ENOENT.*\/nowhere\.pem/],
  ]
  const runs = faults.map(async ([parts, reason], index) => {
    const { url, shown } = changed(databaseUrl, parts)
    const command = [['user', 'list'], ['serve'], ['db', 'status'], ['db', 'migrate']][index % 4] ?? []
    const settings = { TESSERA_DATA_DIR: folder, TESSERA_DATABASE_URL: url, TESSERA_LOG_LEVEL: 'debug' }
    const { code, stdout, stderr } = await tesseraWith(settings)(command)
    const what = `${command.join(' ')} on ${shown}`
    t.strictSame({ code, stdout }, { code: 1, stdout: '' }, what)
    t.ok(stderr.startsWith(`the database ${shown} cannot be opened: `), `${what}: ${stderr}`)
    t.match(stderr, reason)
    t.match(stderr, /^[^\n]+\n$/, 'one line')
    for (const secret of [CANARY, new URL(url).password]) t.notOk(stderr.includes(secret), what)
  })
  await Promise.all(runs)
})

await t.test('the password is in nothing that is printed', only, async (t) => {
  const { databaseUrl, tessera } = await emptyPlace(t)
  const { shown } = changed(databaseUrl, {})
  t.strictSame(await documentOf(tessera(['db', 'migrate', '--json'])), {
    database: shown,
    created: true,
    migrated: ALL,
    applied: ALL,
    pending: [],
    mended: [],
  })
  t.strictSame(
    await tessera(['db', 'status']),
    done(`  database  ${shown}\n  applied   ${ALL.join('\n            ')}\n  pending   -\n`),
  )
})

await t.test('R-20: of four processes that migrate at once one does it', only, async (t) => {
  const place = await emptyPlace(t)
  const runs = await Promise.all(Array.from({ length: 4 }, () => place.tessera(['db', 'migrate'])))
  const { shown } = changed(place.databaseUrl, {})
  const created = `created a new instance: database ${shown}, master key ${place.folder}/master.key\n`
  t.strictSame(
    runs.map(({ stdout, ...rest }) => ({ ...rest, stdout })).sort((a, b) => a.stdout.localeCompare(b.stdout)),
    [
      { ...done(`Applied: ${ALL.join(', ')}\n`), stderr: created },
      ...Array.from({ length: 3 }, () => done('The database is up to date.\n')),
    ],
  )
  t.strictSame(
    await query(place, 'select name from kysely_migration order by name'),
    ALL.map((name) => ({ name })),
  )
})

await t.test('a migration that fails leaves the database as it was', only, async (t) => {
  const place = await emptyPlace(t)
  await place.tessera(['db', 'migrate'])
  // The name of the last migration is lost, so that it is run again and fails where what it makes is there already.
  const last = ALL.at(-1)
  await alter(place, `delete from kysely_migration where name = '${last}'`)
  const before = await schemaOf(place)
  const { shown } = changed(place.databaseUrl, {})
  t.strictSame(
    await place.tessera(['db', 'migrate']),
    refused(`the database ${shown} cannot be opened: relation "sign_in_sessions_newest" already exists`),
  )
  t.strictSame(await schemaOf(place), before)
  const noted = await query<{ name: string }>(place, 'select name from kysely_migration')
  t.notOk(
    noted.some(({ name }) => name === last),
    'and it is not noted as done',
  )
})

await t.test('R-21: a database of a newer version is refused in one line and left alone', only, async (t) => {
  const place = await emptyPlace(t)
  await place.tessera(['db', 'migrate'])
  await place.tessera(['user', 'add', 'david'])
  await alter(place, `insert into kysely_migration values ('0999-from-the-future', '2099-01-01T00:00:00.000Z')`)
  const before = await everyRow(place)
  const line =
    'the database was migrated by a newer version of Tessera (0999-from-the-future); start that version, or restore a backup'
  for (const command of [['db', 'status'], ['db', 'migrate'], ['user', 'list'], ['serve']])
    t.strictSame(await place.tessera(command), refused(line), command.join(' '))
  t.strictSame(await everyRow(place), before)
})

await t.test('lists are in the order of code points, whatever the locale of the database', only, async (t) => {
  const databaseUrl = newDatabaseUrl()
  const english = `template template0 locale_provider icu icu_locale 'en' locale 'C.UTF-8'`
  await askPostgres(serverUrl(), `create database ${new URL(databaseUrl).pathname.slice(1)} ${english}`)
  t.teardown(() => dropDatabase(databaseUrl))
  const [sorted] = await askPostgres(databaseUrl, `select 'a' < 'Z' as english`)
  t.strictSame(sorted, { english: true }, 'here letters are sorted as people do')
  const store = openStore({ url: databaseUrl, connections: 2 })
  t.teardown(() => store.close())
  await store.migrations.migrate()
  const logins = ['Zoe', 'a-b', 'a.c', 'aC', 'ab', 'b', 'zoe-2', 'Äpfel']
  for (const login of logins.toReversed())
    await store.write(({ users }) => users.add({ login, type: 'InternalUser' }, undefined, 0))
  t.strictSame(
    (await store.read.users.list()).map(({ login }) => login),
    logins,
  )
})

await t.test('a unit of work that throws, and one whose row is there already, leave nothing', only, async (t) => {
  const { databaseUrl, tessera } = await emptyPlace(t)
  await tessera(['db', 'migrate'])
  const store = openStore({ url: databaseUrl, connections: 4 })
  t.teardown(() => store.close())
  await t.rejects(
    store.write(async ({ settings }) => {
      await settings.set('half', 'done')
      throw new Error('changed its mind')
    }),
    /changed its mind/,
  )
  t.equal(await store.read.settings.get('half'), undefined)

  const add = (name: string) =>
    store.write(async ({ settings, users }) => {
      await settings.set(name, 'kept')
      await users.add({ login: 'eve', type: 'InternalUser' }, undefined, 0)
    })
  const results = await Promise.allSettled(['one', 'two', 'three', 'four'].map(add))
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1, 'one of four has the login')
  const kept = await query({ databaseUrl }, `select name from settings where value = 'kept'`)
  t.equal(kept.length, 1, 'and only its setting is there')
  t.equal((await query({ databaseUrl }, 'select id from users')).length, 1)
})

await t.test('connections are given back', only, async (t) => {
  const { databaseUrl, tessera } = await emptyPlace(t)
  await tessera(['db', 'migrate'])
  const count = async () => {
    const [row] = await query<{ open: number }>(
      { databaseUrl: serverUrl() },
      `select count(*) as open from pg_stat_activity where datname = ? and application_name = 'tessera'`,
      new URL(databaseUrl).pathname.slice(1),
    )
    return row?.open
  }
  const store = openStore({ url: databaseUrl, connections: 3 })
  await Promise.all(Array.from({ length: 50 }, () => store.write(({ settings }) => settings.set('x', 'y'))))
  await Promise.all(Array.from({ length: 50 }, () => store.read.settings.get('x')))
  t.equal(await count(), 3, 'as many as were allowed')
  await store.close()
  t.equal(await eventually(count, (open) => open === 0), 0)
})

await t.test(
  'of four commands that take the same name at once one gets it, and the others are told',
  only,
  async (t) => {
    const { tessera } = await emptyPlace(t)
    await tessera(['db', 'migrate'])
    const lines: readonly (readonly [line: string, said: RegExp])[] = [
      ['user add eve', /^login: is taken|taken|already/],
      ['app register my.trusted.app/web --web --redirect-uri https://app.example.com/cb --scope read', /taken|already/],
      ['resource add https://stock.example.com --scope stock', /already|taken/],
    ]
    for (const [line, said] of lines) {
      const runs = await Promise.all(Array.from({ length: 4 }, () => tessera(words(line))))
      t.equal(runs.filter(({ code }) => code === 0).length, 1, line)
      for (const { code, stderr } of runs.filter(({ code }) => code !== 0)) {
        t.equal(code, 1, stderr)
        t.match(stderr, said)
        t.notMatch(stderr, /unexpected|constraint/)
      }
    }
    const file = JSON.stringify({ users: [{ login: 'dora' }], resources: [{ Identifier: 'urn:x:y', Scopes: ['z'] }] })
    const applied = await Promise.all(Array.from({ length: 4 }, () => tessera(['apply', '-', '--json'], file)))
    t.strictSame(
      applied.map(({ code, stderr }) => ({ code, stderr })),
      applied.map(() => ({ code: 0, stderr: '' })),
    )
    const changes = applied.map(({ stdout }) => (JSON.parse(stdout) as { changes: unknown[] }).changes.length)
    t.strictSame(changes.sort(), [0, 0, 0, 2], 'one made both, and the others found them made')
  },
)
