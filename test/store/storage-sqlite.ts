// SQLite alone: is about SQLite itself
// Timed: how long a locked database is waited for
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { loadSqlite, whyNotTogether } from '../../src/store/engine/sqlite-library.ts'
import { openStore } from '../../src/store/open-store.ts'
import { tesseraAfter, words } from '../fixtures/cli/cli.ts'
import type { Answer } from '../fixtures/clients/http.ts'
import { ALIVE, createRelyingParty, lifeOf, webApp } from '../fixtures/clients/relying-party.ts'
import { refusalOf, tokensOf } from '../fixtures/clients/tokens.ts'
import { type Instance, startInstance } from '../fixtures/instance/instance.ts'
import { placeOf } from '../fixtures/instance/place.ts'
import { query } from '../fixtures/store/database.ts'

const Sqlite = loadSqlite()

const APP = 'my.trusted.app/web'
const UNAVAILABLE = '503 temporarily_unavailable: the database cannot be written right now; try again shortly'

const COUNTS = 'select (select count(*) from users) as users, (select count(*) from trusted_applications) as apps'

interface Tapped {
  readonly connection: Database.Database
  readonly statements: string[]
}

/** Listens in on every statement that any connection of this process prepares from now on. */
function tapConnections(t: Test): readonly Tapped[] {
  const tapped: Tapped[] = []
  const { prepare } = Sqlite.prototype
  Sqlite.prototype.prepare = function (this: Database.Database, sql: string) {
    let known = tapped.find(({ connection }) => connection === this)
    if (!known) {
      known = { connection: this, statements: [] }
      tapped.push(known)
    }
    known.statements.push(sql)
    return prepare.call(this, sql)
  } as typeof prepare
  t.teardown(() => {
    Sqlite.prototype.prepare = prepare
  })
  return tapped
}

const pragma = ({ connection }: Tapped, name: string): unknown => connection.pragma(name, { simple: true })

/** Takes the write lock in another process, as a backup or a stuck command would. */
async function holdLock(t: Test, folder: string, milliseconds: number): Promise<ChildProcess> {
  const file = join(folder, 'tessera.db')
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'test/fixtures/store/hold-lock.ts', file, String(milliseconds)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  t.teardown(() => letGo(child))
  await once(child.stdout, 'data')
  return child
}

async function letGo(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

async function timed<T>(work: () => Promise<T>): Promise<{ answer: T; took: number }> {
  const started = performance.now()
  const answer = await work()
  return { answer, took: performance.now() - started }
}

const times = <T>(count: number, work: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, work))

async function start(t: Test): Promise<Instance> {
  const instance = await startInstance({ anew: true })
  t.teardown(() => instance.close())
  await instance.addUser({ login: 'david' })
  await instance.addApp(webApp(APP))
  return instance
}

await t.test('fact 2: one connection writes, durably, and one can only read', async (t) => {
  const tapped = tapConnections(t)
  const instance = await start(t)
  const david = createRelyingParty(instance, { clientId: APP, login: 'david' })
  let tokens = await david.obtainTokens()
  for (let step = 0; step < 3; step++) tokens = tokensOf(await david.refresh(tokens.refresh_token))

  const writes = (sql: string): boolean => /^(insert|update|delete|create|alter|drop)\b/i.test(sql)
  t.equal(tapped.length, 2, 'two connections do everything')
  const [writer, ...otherWriters] = tapped.filter(({ statements }) => statements.some(writes))
  const [reader] = tapped.filter(({ statements }) => !statements.some(writes))
  t.strictSame(otherWriters, [])
  if (!writer || !reader) throw new Error('there is no writer and reader')

  t.equal(pragma(writer, 'synchronous'), 2, 'FULL, on the connection that wrote, after it wrote')
  t.equal(pragma(writer, 'journal_mode'), 'wal')
  t.equal(pragma(writer, 'foreign_keys'), 1)
  t.equal(pragma(writer, 'trusted_schema'), 0)
  t.equal(pragma(writer, 'auto_vacuum'), 2, 'INCREMENTAL')
  t.ok(Number(pragma(writer, 'busy_timeout')) <= 25, 'SQLite itself never waits for long')
  t.equal(pragma(reader, 'query_only'), 1)
  t.ok(Number(pragma(reader, 'busy_timeout')) <= 25)
  t.throws(() => reader.connection.exec('delete from users'), { code: 'SQLITE_READONLY' })

  const begins = writer.statements.filter((sql) => /^begin/i.test(sql))
  t.strictSame([...new Set(begins)], ['begin immediate'], 'a transaction takes the write lock at once')
  t.notOk(reader.statements.some((sql) => /^begin/i.test(sql)))
})

await t.test('fact 2: a database that is opened again keeps FULL', async (t) => {
  const instance = await startInstance()
  const tapped = tapConnections(t)
  const again = await instance.restart()
  t.teardown(() => again.close())
  await again.addUser({ login: 'roger' })
  const writer = tapped.find(({ statements }) => statements.includes('begin immediate'))
  t.equal(writer && pragma(writer, 'synchronous'), 2)
})

await t.test('a failing unit of work leaves nothing', async (t) => {
  const { core, folder, addApp, now } = await start(t)
  const before = await query({ databaseUrl: `file:${join(folder, 'tessera.db')}` }, COUNTS)
  await t.rejects(
    core.store.write(async ({ users, settings }) => {
      await users.add({ login: 'half', type: 'InternalUser', email: 'half@example.com' }, undefined, now())
      await settings.set('half', 'done')
      throw new Error('changed my mind')
    }),
    { message: 'changed my mind' },
  )
  await t.rejects(
    addApp({ applicationUri: 'lost.app', systemUserAllowed: true, systemUser: '00000000-0000-4000-8000-000000000000' }),
    { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' },
    'a System User that does not exist',
  )
  t.strictSame(await query({ databaseUrl: `file:${join(folder, 'tessera.db')}` }, COUNTS), before)
  t.strictSame(
    await query({ databaseUrl: `file:${join(folder, 'tessera.db')}` }, `select * from settings where name = 'half'`),
    [],
  )
  t.strictSame(
    await query(
      { databaseUrl: `file:${join(folder, 'tessera.db')}` },
      `select * from trusted_applications where application_uri = 'lost.app'`,
    ),
    [],
  )
  await core.store.write(({ settings }) => settings.set('next', 'works'))
  t.equal(await core.store.read.settings.get('next'), 'works', 'the next one is not hurt')
})

await t.test('a read sees nothing of a unit of work before its commit', async (t) => {
  const { core } = await start(t)
  await core.store.write(async ({ settings }) => {
    await settings.set('early', 'bird')
    t.equal(await settings.get('early'), 'bird', 'the unit sees its own work')
    t.equal(await core.store.read.settings.get('early'), undefined)
  })
  t.equal(await core.store.read.settings.get('early'), 'bird')
})

await t.test('fact 4: a lock held for a second by another process delays a write, and that is all', async (t) => {
  const instance = await start(t)
  const david = createRelyingParty(instance, { clientId: APP, login: 'david' })
  const { refresh_token: refresh } = await david.obtainTokens()
  await holdLock(t, instance.folder, 1000)
  const { answer, took } = await timed(() => david.refresh(refresh))
  t.equal(answer.status, 200, answer.text)
  t.ok(took > 800, `waited for the lock: ${took} ms`)
  t.equal(await lifeOf(david, tokensOf(answer)), ALIVE)
})

await t.test('fact 4: past two seconds writes are refused, reads go on, and the event loop never stalls', async (t) => {
  const instance = await start(t)
  const david = createRelyingParty(instance, { clientId: APP, login: 'david' })
  const { refresh_token: refresh, access_token: access } = await david.obtainTokens()
  const lock = await holdLock(t, instance.folder, 60_000)

  const stalls = monitorEventLoopDelay({ resolution: 1 })
  stalls.enable()
  let refused = false
  const writers = times(40, () => timed(() => david.refresh(refresh))).finally(() => {
    refused = true
  })
  const reads: Answer[] = []
  while (!refused) reads.push(await david.userinfo(access), await david.introspect(access))
  stalls.disable()

  const causes: unknown[] = []
  for (const { answer, took } of await writers) {
    t.equal(refusalOf(answer), UNAVAILABLE)
    t.equal(answer.headers.get('retry-after'), '2')
    t.match(answer.headers.get('cache-control'), 'no-store')
    // Forty that wait one after the other take eighty seconds; how slow the machine is says nothing.
    t.ok(took > 1800 && took < 30_000, `each waits two seconds of its own: ${took} ms`)
    const [record] = instance.log.filter((entry) => entry['refusal'] === answer.json['refusal_id'])
    causes.push((record?.['cause'] as { message: string } | undefined)?.message)
  }
  t.strictSame(new Set(causes), new Set(['database is locked']))
  t.ok(reads.length > 20, `${reads.length} reads were answered meanwhile`)
  t.ok(reads.every(({ status }) => status === 200))
  // 25 ms by design, the rest is for a busy machine; one that waits inside SQLite makes it two thousand.
  t.ok(stalls.max / 1e6 < 1000, `the longest stall: ${Math.round(stalls.max / 1e6)} ms`)

  await letGo(lock)
  const after = await david.refresh(refresh)
  t.equal(after.status, 200, 'nothing was half done, and no restart is needed')
  t.equal(await lifeOf(david, tokensOf(after)), ALIVE)
})

await t.test('a lock held while a server starts delays the start', async (t) => {
  const instance = await start(t)
  await holdLock(t, instance.folder, 500)
  const { answer, took } = await timed(async () =>
    openStore({ url: `file:${join(instance.folder, 'tessera.db')}`, connections: 2 }),
  )
  t.ok(took > 300, `waited for the lock: ${took} ms`)
  t.strictSame((await answer.migrations.status()).pending, [])
  await answer.close()
})

await t.test('an SQLite that can lose data is refused before anything is opened with it', async (t) => {
  const place = placeOf(t)
  await place.prepare()
  const tessera = tesseraAfter(new URL('../fixtures/store/older-sqlite.mjs', import.meta.url), place.settings)
  for (const command of ['serve', 'app list'])
    t.match(await tessera(words(command)), {
      code: 1,
      stderr: /cannot be opened: SQLite 3\.51\.2 is in use, and versions before 3\.51\.3 can lose data; run npm ci/,
    })
})

await t.test('a better-sqlite3 is loaded only where Node and it do not crash together', async (t) => {
  for (const [node, library, isSafe] of [
    ['20.19.0', '12.11.1', true],
    ['20.20.2', '13.2.0', false],
    ['22.12.0', '12.11.1', false],
    ['22.23.5', '13.2.0', true],
    ['24.18.0', '12.11.1', false],
    ['24.22.3', '12.11.1', false],
    ['24.22.3', '13.0.0', true],
    ['26.0.0', '14.0.0', true],
    ['20.20.2', undefined, false],
    ['24.22.3', undefined, false],
  ] as const) {
    const reason = whyNotTogether(node, library)
    t.equal(reason === undefined, isSafe, `${library} on Node ${node}: ${reason}`)
    if (reason !== undefined)
      t.match(reason, new RegExp(`^better-sqlite3 .*, and Node ${node} .*; run npm ci under this Node[ ,]`))
  }
})

await t.test('with the better-sqlite3 of another Node nothing is opened, made or put aside', async (t) => {
  const place = placeOf(t)
  const here = (name: string): string => join(place.folder, name)
  const tessera = tesseraAfter(new URL('../fixtures/store/other-library.mjs', import.meta.url), place.settings)
  const REFUSAL =
    /^[^\n]*better-sqlite3 \d\S+ is installed, and Node \S+ is safe only with 1[23][^\n]*; run npm ci under this Node[ ,][^\n]*\n$/
  for (const command of ['serve', 'db migrate'])
    t.match(await tessera(words(command)), { code: 1, stderr: REFUSAL }, command)
  t.strictSame(
    readdirSync(place.folder).filter((name) => name.includes('.db')),
    [],
    'nothing was made',
  )

  t.match(await place.tessera(['db', 'migrate']), { code: 0 })
  t.match(await place.tessera(['db', 'backup', here('copy.db')]), { code: 0 })
  const before = readdirSync(place.folder).sort()
  for (const command of [
    'serve',
    'app list',
    'db check',
    'db status',
    `db backup ${here('second.db')}`,
    `db restore ${here('copy.db')} --replace`,
    `db move --to file:${here('moved.db')}`,
  ])
    t.match(await tessera(words(command)), { code: 1, stderr: REFUSAL }, command)
  t.strictSame(readdirSync(place.folder).sort(), before, 'nothing was made or put aside')
})

const FILES = '/proc/self/fd'

/** The files in a folder that this process has open. */
function openIn(folder: string): string[] {
  const target = (name: string): string => {
    try {
      return readlinkSync(join(FILES, name))
    } catch {
      return ''
    }
  }
  return readdirSync(FILES)
    .map(target)
    .filter((path) => path.startsWith(folder))
}

const noSuchList = existsSync(FILES) ? false : 'this system does not list what is open'
await t.test('no command leaves a file open, also when it only read', { skip: noSuchList }, async (t) => {
  const place = placeOf(t)
  for (const command of ['db migrate', 'app list', 'user show nobody', 'db status', 'key list']) {
    await place.tessera(words(command))
    t.strictSame(openIn(place.folder), [], command)
  }
})
