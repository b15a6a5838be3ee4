// SQLite alone: is about files; test/store/postgres.ts does the same on a server
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { mendDatabase } from '../../src/store/check/mend.ts'
import { migrationsOf } from '../../src/store/engine/migrations.ts'
import { loadSqlite } from '../../src/store/engine/sqlite-library.ts'
import { openPlace } from '../../src/store/transfer/place.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { type Tessera, tesseraWith } from '../fixtures/cli/cli.ts'
import { freePort } from '../fixtures/instance/ports.ts'
import { query } from '../fixtures/store/database.ts'
import { MIGRATIONS as ALL } from '../fixtures/store/migrations.ts'

const Sqlite = loadSqlite()

interface Place {
  readonly folder: string
  readonly file: string
  readonly url: string
  readonly databaseUrl: string
  readonly tessera: Tessera
}

/** A data folder that is not there yet, and the command line for it. */
function place(t: Test): Place {
  const above = mkdtempSync(join(tmpdir(), 'tessera-migrations-'))
  t.teardown(() => rmSync(above, { recursive: true, force: true }))
  const folder = join(above, 'data')
  const file = join(folder, 'tessera.db')
  const url = `file:${file}`
  return { folder, file, url, databaseUrl: url, tessera: tesseraWith({ TESSERA_DATA_DIR: folder }) }
}

/** Writes to the database from outside the server. */
function alter(file: string, sql: string): void {
  const database = new Sqlite(file)
  database.exec(sql)
  database.close()
}

const schemaOf = (at: Place): Promise<unknown[]> =>
  query(at, 'select type, name, sql from sqlite_schema order by type, name')
const done = (stdout: string) => ({ code: 0, stdout, stderr: '' })
const created = ({ url, folder }: Place): string =>
  `created a new instance: database ${url}, master key ${folder}/master.key\n`
const refused = (stderr: string) => ({ code: 1, stdout: '', stderr: `${stderr}\n` })

await t.test('db status says what there is, and makes nothing', async (t) => {
  const { folder, url, tessera } = place(t)
  t.strictSame(
    await tessera(['db', 'status']),
    refused(
      `there is no instance at ${url}: the folder ${folder} does not exist; check TESSERA_DATA_DIR, TESSERA_DATABASE_URL and --config, or create one with tessera serve, tessera db migrate, tessera apply or tessera db restore`,
    ),
  )
  t.notOk(existsSync(folder), 'not even the folder')
})

await t.test('db migrate makes the database, and a second run changes nothing', async (t) => {
  const at = place(t)
  t.strictSame(await at.tessera(['db', 'migrate']), {
    ...done(`Applied: ${ALL.join(', ')}\n`),
    stderr: created(at),
  })
  t.equal(statSync(at.file).mode & 0o777, 0o600, 'for its owner alone')
  t.equal(statSync(at.folder).mode & 0o777, 0o700)
  const made = await schemaOf(at)
  const stamps = await query(at, 'select * from kysely_migration')

  t.strictSame(await at.tessera(['db', 'migrate']), done('The database is up to date.\n'))
  t.strictSame(await schemaOf(at), made)
  t.strictSame(await query(at, 'select * from kysely_migration'), stamps)
  t.strictSame(JSON.parse((await at.tessera(['db', 'migrate', '--json'])).stdout), {
    database: at.url,
    created: false,
    migrated: [],
    mended: [],
    applied: ALL,
    pending: [],
  })
  t.strictSame(JSON.parse((await at.tessera(['db', 'status', '--json'])).stdout), {
    database: at.url,
    applied: ALL,
    pending: [],
  })
  t.strictSame(
    await at.tessera(['db', 'status']),
    done(`  database  ${at.url}\n  applied   ${ALL.join('\n            ')}\n  pending   -\n`),
  )
})

await t.test('where nothing is missing mending waits for nobody who writes', async (t) => {
  const at = place(t)
  await at.tessera(['db', 'migrate'])
  const writer = new Sqlite(at.file)
  t.teardown(() => writer.close())
  writer.exec('begin immediate')
  t.strictSame(await mendDatabase(at.url, 0), [])
})

await t.test('an instance that another node makes between two looks belongs to no other program', async (t) => {
  const at = place(t)
  const [here, there] = [openPlace(at.url, 'make'), openPlace(at.url, 'make')]
  t.teardown(() => Promise.all([here.close(), there.close()]))
  let looks = 0
  const meanwhile = here.db.withPlugin({
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      // The first look finds no migrations, and right after it there are all of them.
      if (looks++ === 0) await there.migrations.migrate()
      return result
    },
  })
  t.strictSame(await migrationsOf(meanwhile).status(), { applied: ALL, pending: [] })
})

await t.test('the schema is sound: integrity, foreign keys, incremental vacuum', async (t) => {
  const at = place(t)
  await at.tessera(['db', 'migrate'])
  await at.tessera(['user', 'add', 'svc.sync', '--type', 'SystemUserNoLogin'])
  const { code, stderr } = await at.tessera([
    ...['app', 'register', 'my.trusted.app/sync', '--service', '--system-user', 'svc.sync', '--scope', 'read'],
  ])
  t.equal(code, 0, stderr)
  t.strictSame(await query(at, 'pragma foreign_key_check'), [])
  t.strictSame(await query(at, 'pragma integrity_check'), [{ integrity_check: 'ok' }])
  t.strictSame(await query(at, 'pragma journal_mode'), [{ journal_mode: 'wal' }])
  t.strictSame(await query(at, 'pragma auto_vacuum'), [{ auto_vacuum: 2 }])
  const orphans = await query(
    at,
    `select m.name, f."table" from sqlite_schema m, pragma_foreign_key_list(m.name) f
     where m.type = 'table' and f."table" not in (select name from sqlite_schema where type = 'table')`,
  )
  t.strictSame(orphans, [], 'every foreign key names a table')
})

await t.test('every other command brings the database up to date first', async (t) => {
  const at = place(t)
  const old = openPlace(at.url, 'make')
  await old.migrations.migrate('0007-openid-connect')
  await old.close()
  writeFileSync(join(at.folder, 'master.key'), `${'ab'.repeat(32)}\n`, { mode: 0o600 })
  const { code, stderr } = await at.tessera(['user', 'add', 'david'])
  t.equal(code, 0, stderr)
  t.strictSame(
    await query(at, 'select name from kysely_migration'),
    ALL.map((name) => ({ name })),
  )
})

/** One that adds a table or a column. */
const ADDS = '0014-master-key'

await t.test('a migration that fails leaves the database as it was', async (t) => {
  const at = place(t)
  await at.tessera(['db', 'migrate'])
  // The names of the latest ones are lost, so that the first of them is run again and fails where what it adds is there already.
  const [kept, lost] = [ALL.filter((name) => name < ADDS), ALL.filter((name) => name >= ADDS)]
  alter(at.file, `delete from kysely_migration where name in (${lost.map((name) => `'${name}'`).join(', ')})`)
  const before = await schemaOf(at)
  matchesWhole(t, await at.tessera(['db', 'migrate']), {
    code: 1,
    stdout: '',
    stderr: /^the database file:\S+ cannot be opened: (duplicate column name|no such column|table \S+ already exists)/,
  })
  t.strictSame(await schemaOf(at), before)
  const noted = await query(at, 'select name from kysely_migration order by name')
  t.strictSame(
    noted,
    kept.map((name) => ({ name })),
    'and it is not noted as done',
  )
})

await t.test('R-20: of four processes that migrate at once one does it', async (t) => {
  const at = place(t)
  const runs = await Promise.all(Array.from({ length: 4 }, () => at.tessera(['db', 'migrate'])))
  t.strictSame(
    runs.map(({ code }) => code),
    runs.map(() => 0),
    'all are content',
  )
  t.strictSame(runs.map(({ stderr }) => stderr).sort(), ['', '', '', created(at)], 'and one has made it')
  t.strictSame(runs.map(({ stdout }) => stdout).sort(), [
    `Applied: ${ALL.join(', ')}\n`,
    ...Array.from({ length: 3 }, () => 'The database is up to date.\n'),
  ])
  t.strictSame(
    await query(at, 'select name from kysely_migration'),
    ALL.map((name) => ({ name })),
  )
  t.strictSame(await query(at, 'pragma integrity_check'), [{ integrity_check: 'ok' }])
})

await t.test('R-21: a database of a newer version is refused in one line and left alone', async (t) => {
  const at = place(t)
  await at.tessera(['db', 'migrate'])
  await at.tessera(['user', 'add', 'david'])
  alter(at.file, `insert into kysely_migration values ('0999-from-the-future', '2099-01-01T00:00:00.000Z')`)
  const before = await schemaOf(at)
  const line =
    'the database was migrated by a newer version of Tessera (0999-from-the-future); start that version, or restore a backup'
  const listen = { TESSERA_LISTEN: `127.0.0.1:${await freePort()}` }
  const serve = tesseraWith({ TESSERA_DATA_DIR: at.folder, ...listen })
  for (const command of [['db', 'status'], ['db', 'migrate'], ['user', 'list'], ['serve']]) {
    t.strictSame(await serve(command), refused(line), command.join(' '))
  }
  t.strictSame(await schemaOf(at), before)
  t.strictSame(await query(at, 'select login from users'), [{ login: 'david' }])
})

await t.test('R-21: a file that is not a database is refused in one line and not overwritten', async (t) => {
  const at = place(t)
  await at.tessera(['db', 'migrate'])
  const file = join(at.folder, 'letter.txt')
  const letter = 'Dear Roger, this is not a database, however much its name may promise.\n'.repeat(100)
  writeFileSync(file, letter)
  const tessera = tesseraWith({ TESSERA_DATA_DIR: at.folder, TESSERA_DATABASE_URL: `file:${file}` })
  for (const command of [['db', 'status'], ['db', 'migrate'], ['user', 'list'], ['serve']]) {
    const expected = refused(
      `the database file:${file} cannot be opened: file is not a database; run tessera db check for details; tessera db restore FILE --replace restores a backup`,
    )
    t.strictSame(await tessera(command), expected, command.join(' '))
  }
  t.equal(readFileSync(file, 'utf8'), letter)
})

await t.test('a file that was never finished is refused in one line that says what to do', async (t) => {
  const at = place(t)
  await at.tessera(['db', 'migrate'])
  alter(at.file, 'drop table settings')
  const line = `the database file:${at.file} cannot be opened: no such table: settings; run tessera db check for details; tessera db restore FILE --replace restores a backup`
  for (const command of [
    ['db', 'status'],
    ['db', 'migrate'],
    ['user', 'list'],
  ])
    t.strictSame(await at.tessera(command), refused(line), command.join(' '))
  t.match(await at.tessera(['db', 'check']), { code: 1, stdout: /failed {2}.*settings/ })
})

await t.test('R-21: a folder in the place of the database is refused in one line', async (t) => {
  const { folder, tessera } = place(t)
  await tessera(['db', 'migrate'])
  const here = tesseraWith({ TESSERA_DATA_DIR: folder, TESSERA_DATABASE_URL: `file:${folder}` })
  for (const command of [['db', 'migrate'], ['serve']]) {
    const expected = refused(
      `the database file:${folder} cannot be opened: unable to open database file; make file and folder writable for the user who runs this`,
    )
    t.strictSame(await here(command), expected, command.join(' '))
  }
})
