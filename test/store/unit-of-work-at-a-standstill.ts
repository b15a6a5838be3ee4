import t from 'tap'
import { startInstance } from '../fixtures/instance/instance.ts'

// It takes the five seconds of SQLite, or the ten of PostgreSQL, after which a unit without a statement is given up.

await t.test('a unit of work that never ends is given up, and reaches the database no more', async (t) => {
  const instance = await startInstance({ settings: { TESSERA_DATABASE_CONNECTIONS: '2' } })
  t.teardown(() => instance.close())
  const { store } = instance.core
  let goOn = (): void => undefined
  const held = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let late: Promise<unknown> = Promise.resolve()
  const stuck = store.writeAlone(async ({ settings }) => {
    await settings.set('before', 'kept')
    await held
    late = settings.set('late', 'kept')
    await late
  })
  await t.rejects(stuck, {
    code: 'temporarily_unavailable',
    status: 503,
    detail: {
      rule: 'server-busy',
      cause: 'this server began to write, did not go on, and was made to give up',
    },
  })

  await store.writeAlone(({ settings }) => settings.set('next', 'kept'))
  const meanwhile = store.writeAlone(async ({ settings }) => {
    await settings.set('meanwhile', 'kept')
    goOn()
    await new Promise(setImmediate)
    await settings.set('and-so-on', 'kept')
  })
  await meanwhile
  await t.rejects(late, 'what comes too late is made by nobody')
  const names = ['before', 'late', 'next', 'meanwhile', 'and-so-on']
  const kept = await Promise.all(names.map((name) => store.read.settings.get(name)))
  t.strictSame(kept, [undefined, undefined, 'kept', 'kept', 'kept'])
})
