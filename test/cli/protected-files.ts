// SQLite alone: is about the file of SQLite
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadSqlite } from '../../src/store/engine/sqlite-library.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { addPerson, prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'

/** Every option that names a file to be written. */
const WRITERS: readonly ((file: string) => readonly string[])[] = [
  (file) => ['db', 'backup', file, '--force'],
  (file) => ['export', '-o', file],
  (file) => ['db', 'move', '--to', `file:${file}`],
  (file) => ['db', 'backup', file],
  (file) => ['db', 'move', '--to', `file:${file}`, '--dry-run'],
]

const PASSWORD = 'correct horse battery staple'

async function inhabited(t: Test, folder: (root: string) => string = (root) => root): Promise<Site> {
  const root = await prepareSite(t)
  await addPerson(root, 'david', PASSWORD)
  return { ...root, folder: folder(root.folder) }
}

/** Which files a folder holds and what is in them; of the live database, into which commands write by themselves, which file it is. */
const contentOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => !/-(wal|shm)$/.test(name) && lstatSync(join(folder, name)).isFile())
      .sort()
      .map((name) => {
        const path = join(folder, name)
        return [name, name === 'tessera.db' ? String(statSync(path).ino) : readFileSync(path, 'base64')]
      }),
  )

await t.test('no option writes over what an instance lives of, by whatever name it is called', async (t) => {
  const site = await inhabited(t)
  const { folder } = site
  // A server that is killed leaves its log behind, which then is all there is of what came last.
  const server = await serve(t, site)
  const inside = (name: string): string => join(folder, name)
  const elsewhere = inside('elsewhere')
  mkdirSync(elsewhere)
  linkSync(inside('tessera.db'), join(elsewhere, 'database'))
  linkSync(inside('master.key'), join(elsewhere, 'key'))
  symlinkSync(inside('tessera.db'), join(elsewhere, 'link'))
  symlinkSync(join(elsewhere, 'nowhere'), join(elsewhere, 'dangling'))
  symlinkSync(folder, join(elsewhere, 'folder'))
  execFileSync('mkfifo', [join(elsewhere, 'fifo')])
  writeFileSync(join(elsewhere, 'settings.env'), `TESSERA_INSTANCE_NAME=Shop\n`)
  const before = contentOf(folder)
  const itself = /is the database of this instance; choose another file\n$/
  const part = /belongs to the database of this instance; choose another file\n$/
  const targets: readonly (readonly [path: string, reason: RegExp])[] = [
    [inside('tessera.db'), itself],
    [join(elsewhere, '..', 'tessera.db'), itself],
    [join(elsewhere, 'folder', 'tessera.db'), itself],
    [join(elsewhere, 'database'), itself],
    [inside('tessera.db-wal'), part],
    [inside('tessera.db-shm'), part],
    [inside('tessera.db-journal'), part],
    [inside('tessera.db.restoring'), part],
    [inside('master.key'), /is the master key of this instance; choose another file\n$/],
    [join(elsewhere, 'key'), /is the master key of this instance; choose another file\n$/],
    [inside('ballast'), /is the reserve of this instance; choose another file\n$/],
    [join(elsewhere, 'settings.env'), /holds the settings of this instance; choose another file\n$/],
    [join(elsewhere, 'link'), /is a symbolic link; give the path of the file itself\n$/],
    [join(elsewhere, 'dangling'), /is a symbolic link; give the path of the file itself\n$/],
    [join(elsewhere, 'fifo'), /is not a regular file; choose another one\n$/],
    ['/dev/null', /is not a regular file; choose another one\n$/],
    [elsewhere, /is not a regular file; choose another one\n$/],
  ]
  for (const [index, [path, reason]] of targets.entries()) {
    // Each option goes the same way; all of them are tried with the first.
    const writers = index === 0 ? WRITERS : WRITERS.slice(index % 3, (index % 3) + 1)
    for (const writer of writers) {
      const command = writer(path)
      const outcome = await site.tessera([...command, '--config', join(elsewhere, 'settings.env')])
      matchesWhole(t, outcome, { code: 1, stdout: '', stderr: reason }, command.join(' '))
    }
  }
  t.strictSame(contentOf(folder), before)
  t.notOk(existsSync(join(elsewhere, 'nowhere')))
  server.kill('SIGKILL')
  await server.ended()
  t.match(await site.tessera(['user', 'list']), { code: 0, stdout: /david/ })
})

await t.test('a backup replaces an earlier backup alone, and an export no database', async (t) => {
  const { folder, tessera } = await inhabited(t)
  const path = (name: string): string => join(folder, name)
  const other = new (loadSqlite())(path('other.db'))
  other.pragma('journal_mode = WAL')
  other.exec('create table customers (id integer)')
  writeFileSync(path('letter.txt'), 'Dear Roger')
  writeFileSync(path('empty'), '')
  t.match(await tessera(['db', 'backup', path('backup.db')]), { code: 0 })
  const before = contentOf(folder)

  for (const name of ['other.db', 'letter.txt', 'empty']) {
    const said = { code: 1, stdout: '', stderr: /already exists; choose another file\n$/ }
    matchesWhole(t, await tessera(['db', 'backup', path(name)]), said, name)
    const insisted = {
      code: 1,
      stdout: '',
      stderr: /is not a Tessera backup, and --force replaces nothing else; choose another file\n$/,
    }
    matchesWhole(t, await tessera(['db', 'backup', path(name), '--force']), insisted, name)
  }
  t.match(await tessera(['db', 'backup', path('backup.db')]), { code: 1, stderr: /or replace it with --force\n$/ })
  for (const name of ['other.db', 'backup.db'])
    t.match(
      await tessera(['export', '-o', path(name)]),
      { code: 1, stderr: /is a database; choose another file\n$/ },
      name,
    )
  const beside = await tessera(['export', '-o', path('other.db-wal')])
  t.match(beside, { code: 1, stderr: /other\.db-wal belongs to the database .*other\.db; choose another file\n$/ })
  const letter = await tessera(['db', 'move', '--to', `file:${path('letter.txt')}`])
  matchesWhole(t, letter, { code: 1, stdout: '', stderr: /letter\.txt is not a database; choose another file\n$/ })
  t.strictSame(contentOf(folder), before)
  other.close()

  t.match(await tessera(['db', 'backup', path('backup.db'), '--force']), { code: 0, stdout: /verified/ })
  t.match(await tessera(['export', '-o', path('tessera.yaml')]), { code: 0 })
  t.match(await tessera(['export', '-o', path('tessera.yaml')]), { code: 0 }, 'an export may be made again')
  t.equal(statSync(path('tessera.yaml')).mode & 0o777, 0o600)
  t.strictSame(
    readdirSync(folder).filter((name) => /new|part/.test(name)),
    [],
    'nothing is left beside them',
  )
})
