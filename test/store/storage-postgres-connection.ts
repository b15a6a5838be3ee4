import pg from 'pg'
import t from 'tap'
import { tesseraAfter } from '../fixtures/cli/cli.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { startInstance } from '../fixtures/instance/instance.ts'
import { placeOf } from '../fixtures/instance/place.ts'
import { onPostgres } from '../fixtures/store/postgres.ts'

// Other tests have databases of their own on the same server.
const KILL = `select pg_terminate_backend(pid) from pg_stat_activity
  where application_name = 'tessera' and state = 'idle in transaction' and datname = current_database()`

await t.test(
  'R-07: a connection that is lost between two statements of a transaction fails that transaction alone',
  { skip: !onPostgres && 'needs PostgreSQL' },
  async (t) => {
    const instance = await startInstance()
    t.teardown(() => instance.close())
    const { store } = instance.core
    const outside = new pg.Client({ connectionString: instance.databaseUrl })
    await outside.connect()
    t.teardown(() => outside.end())
    let cut = 0
    const lost = store.write(async ({ settings }) => {
      await settings.set('half', 'done')
      cut += (await outside.query(KILL)).rowCount ?? 0
      await eventually(
        async () => (await outside.query(KILL)).rowCount,
        (rows) => rows === 0,
      )
      await settings.set('other-half', 'done')
    })
    await t.rejects(lost, { code: 'temporarily_unavailable' })
    t.ok(cut >= 1, `cut ${cut} times`)
    t.equal(await store.read.settings.get('half'), undefined, 'nothing was done by half')
    await store.write(({ settings }) => settings.set('half', 'after'))
    t.equal(await store.read.settings.get('half'), 'after', 'and the process goes on')
  },
)

await t.test(
  'on PostgreSQL it does not matter which better-sqlite3 is installed',
  { skip: !onPostgres && 'needs PostgreSQL' },
  async (t) => {
    const place = placeOf(t)
    await place.prepare()
    const tessera = tesseraAfter(new URL('../fixtures/store/other-library.mjs', import.meta.url), place.settings)
    t.match(await tessera(['user', 'add', 'david', '--email', 'david@example.com']), { code: 0 })
    t.match(await tessera(['user', 'list']), { code: 0, stdout: /david/ })
    t.match(await tessera(['db', 'clock', '--reset', '--yes']), { code: 0 })
  },
)
