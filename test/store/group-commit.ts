// SQLite alone: is about the one connection of SQLite that writes
import type Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { loadSqlite } from '../../src/store/engine/sqlite-library.ts'
import { type Instance, startInstance } from '../fixtures/instance/instance.ts'
import { query } from '../fixtures/store/database.ts'

const Sqlite = loadSqlite()

/** Counts the commits of this process from now on. */
function countCommits(t: Test): () => number {
  const probe = new Sqlite(':memory:')
  const prototype = Object.getPrototypeOf(probe.prepare('select 1')) as Database.Statement
  const { run } = prototype
  let commits = 0
  prototype.run = function (this: Database.Statement, ...parameters: unknown[]) {
    if (this.source === 'commit') commits += 1
    return run.apply(this, parameters)
  } as typeof run
  t.teardown(() => {
    prototype.run = run
    probe.close()
  })
  return () => commits
}

/** Lets statements that write fail. */
function failWhere(t: Test, fails: (statement: Database.Statement, parameters: unknown[]) => boolean): void {
  const probe = new Sqlite(':memory:')
  const prototype = Object.getPrototypeOf(probe.prepare('select 1')) as Database.Statement
  probe.close()
  const { run } = prototype
  t.teardown(() => Object.assign(prototype, { run }))
  prototype.run = function (this: Database.Statement, ...parameters: unknown[]) {
    if (fails(this, parameters)) throw new Sqlite.SqliteError('out of memory', 'SQLITE_NOMEM')
    return run.apply(this, parameters)
  } as typeof run
}

async function start(t: Test): Promise<Instance> {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  return instance
}

const set = ({ core }: Instance, name: string) => core.store.write(({ settings }) => settings.set(name, 'kept'))
async function kept(instance: Instance): Promise<string[]> {
  const rows = await query<{ name: string }>(instance, `select name from settings where value = 'kept' order by name`)
  return rows.map(({ name }) => name)
}

await t.test(
  'fact 3: units of work that arrive together share one commit, and none is answered before it',
  async (t) => {
    const instance = await start(t)
    const commits = countCommits(t)
    const names = Array.from({ length: 50 }, (_, index) => `unit-${String(index).padStart(2, '0')}`)
    const seen: string[][] = []
    await Promise.all(names.map((name) => set(instance, name).then(async () => seen.push(await kept(instance)))))
    t.equal(commits(), 1)
    for (const there of seen)
      t.strictSame(there, names, 'another connection sees all of them when the first is answered')
  },
)

await t.test('a unit that throws is undone alone, and is answered after the commit as well', async (t) => {
  const instance = await start(t)
  const commits = countCommits(t)
  const { store } = instance.core
  const before = set(instance, 'before')
  const refused = store
    .write(async ({ settings }) => {
      t.equal(await settings.get('before'), 'kept', 'it sees what is committed with it')
      await settings.set('refused', 'kept')
      throw new Error('changed my mind')
    })
    .catch(async (error: Error) => ({ error, read: await store.read.settings.get('before') }))
  await Promise.all([before, refused, set(instance, 'behind')])
  t.match(await refused, { error: { message: 'changed my mind' }, read: 'kept' }, 'whoever was told no sees why')
  t.strictSame(await kept(instance), ['before', 'behind'])
  t.equal(commits(), 1)
})

await t.test('a commit that the disk refuses is a success for nobody, and the next one is unharmed', async (t) => {
  const instance = await start(t)
  const { store } = instance.core
  const connections: Database.Database[] = []
  const { exec, prepare } = Sqlite.prototype
  t.teardown(() => Object.assign(Sqlite.prototype, { exec, prepare }))
  Sqlite.prototype.prepare = function (this: Database.Database, sql: string) {
    if (!connections.includes(this)) connections.push(this)
    return prepare.call(this, sql)
  } as typeof prepare
  await set(instance, 'first')
  const writer = connections.find((connection) => connection.pragma('query_only', { simple: true }) === 0)
  if (!writer) throw new Error('there is no writer')
  const pages = Number(writer.pragma('page_count', { simple: true }))
  writer.pragma(`max_page_count = ${pages}`)

  const large = store.write(({ settings }) => settings.set('large', 'x'.repeat(1_000_000)))
  const outcomes = await Promise.allSettled([set(instance, 'small'), large, set(instance, 'other')])
  for (const outcome of outcomes)
    t.match(outcome, { status: 'rejected', reason: { code: 'temporarily_unavailable', status: 503 } })
  t.strictSame(await kept(instance), ['first'])

  writer.pragma('max_page_count = 1000000')
  await set(instance, 'after')
  t.strictSame(await kept(instance), ['after', 'first'])
})

await t.test(
  'whatever fails while a fault is handled, everybody is answered, and the next one is unharmed',
  async (t) => {
    const instance = await start(t)
    const { store } = instance.core
    await set(instance, 'first')
    const failing = new Set<string>()
    failWhere(t, ({ source }) => failing.has(source))
    for (const sources of [
      ['commit', 'rollback'],
      ['savepoint unit', 'rollback'],
      ['rollback to unit', 'rollback'],
      ['begin immediate', 'rollback'],
    ]) {
      for (const source of sources) failing.add(source)
      const thrown = store.write(async () => Promise.reject(new Error('changed my mind')))
      const outcomes = await Promise.allSettled([set(instance, 'small'), thrown, set(instance, 'other')])
      for (const outcome of outcomes)
        t.match(outcome, { status: 'rejected', reason: { code: 'temporarily_unavailable', status: 503 } }, `${sources}`)
      await t.rejects(
        set(instance, 'next'),
        { code: 'temporarily_unavailable' },
        `${sources}: so is the next one, while it lasts`,
      )
      failing.clear()
      t.strictSame(await kept(instance), ['first'], `${sources}`)
      await set(instance, 'after')
      t.strictSame(await kept(instance), ['after', 'first'], `${sources}`)
      await store.write(({ settings }) => settings.set('after', 'gone'))
    }
  },
)

await t.test(
  'a unit that goes on after a fault which has rolled everything back writes nothing by itself',
  async (t) => {
    const instance = await start(t)
    const { store } = instance.core
    failWhere(t, ({ database }, parameters) => {
      if (!parameters.flat().includes('fails')) return false
      database.exec('rollback')
      return true
    })
    const wilful = store.write(async ({ settings }) => {
      await settings.set('before', 'kept')
      await settings.set('fails', 'kept').catch(() => undefined)
      await settings.set('behind', 'kept')
    })
    await t.rejects(wilful, { code: 'temporarily_unavailable' })
    t.strictSame(await kept(instance), [])
  },
)
