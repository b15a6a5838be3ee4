import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { addTool, createAdminApi } from '../fixtures/admin/admin.ts'
import { serviceToken } from '../fixtures/clients/endpoints.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import type { Instance } from '../fixtures/instance/instance.ts'
import { startWorld, WEB } from '../fixtures/instance/world.ts'
import { ONLY_ON_POSTGRES, withPostgres } from '../fixtures/store/postgres.ts'

const HASTY = 'my.admin/hasty'
const CALM = 'my.admin/calm'
// Milliseconds; on a machine that takes longer over the requests themselves some of them are told to try again.
const LONGEST_WAIT = 2000

/** The administration API as an app of its own calls it. */
async function apiOf(instance: Instance, applicationUri: string) {
  await addTool(instance, { applicationUri })
  return createAdminApi(instance, await serviceToken(instance, applicationUri))
}

await t.test('whoever sends many changes at once waits for themselves, and nobody else does', async (t) => {
  const { instance } = await startWorld(t)
  const { store } = instance.core
  const [hasty, calm] = [await apiOf(instance, HASTY), await apiOf(instance, CALM)]
  const { writeAlone } = store
  let begun = 0
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  store.writeAlone = async (unit) => {
    begun += 1
    await opened
    return writeAlone(unit)
  }
  t.teardown(() => Object.assign(store, { writeAlone }))
  let arrived = 0
  const count = (message: unknown): void => {
    if ((message as { request: IncomingMessage }).request.method === 'PATCH') arrived += 1
  }
  subscribe('http.server.request.start', count)
  t.teardown(() => unsubscribe('http.server.request.start', count))
  const change = async (api: typeof hasty) => (await api.patch('/users/anna', { name: 'Anna' })).status

  const started = performance.now()
  const many = Array.from({ length: 30 }, () => change(hasty))
  await eventually(
    async () => arrived,
    (now) => now === 30,
  )
  await eventually(
    async () => begun,
    (now) => now >= 4,
  )
  t.equal((await hasty.get('/users/anna')).status, 200)
  t.equal(begun, 4, 'so many of one caller at once')
  const one = change(calm)
  await eventually(
    async () => begun,
    (now) => now === 5,
  )
  t.equal(begun, 5, 'another one does not wait for them')
  open()
  const statuses = [...(await Promise.all(many)), await one]
  const answered = statuses.filter((status) => status === 200).length
  t.strictSame(
    [...new Set(statuses)].filter((status) => status !== 200 && status !== 503),
    [],
  )
  t.ok(answered === 31 || performance.now() - started > LONGEST_WAIT, `${answered} of 31`)
  t.equal(begun, answered, 'whoever waited for too long is told so, and not begun')
  t.equal(await one, 200)
})

await t.test(
  'changes that wait for one another hold one connection, and leave the others to those who do not',
  { skip: ONLY_ON_POSTGRES },
  async (t) => {
    const { instance } = await startWorld(t, { TESSERA_DATABASE_CONNECTIONS: '3' })
    const web = createRelyingParty(instance, { clientId: WEB, login: 'david' })
    const { refresh_token: refresh } = await web.obtainTokens()
    const apis: Awaited<ReturnType<typeof apiOf>>[] = []
    for (let turn = 0; turn < 5; turn++) apis.push(await apiOf(instance, `my.admin/tool${turn}`))
    await withPostgres(instance.databaseUrl, async (ask) => {
      await ask('begin')
      await ask("select name from settings where name = 'writing-alone' for update")
      const waiting = apis.flatMap((api) => Array.from({ length: 6 }, () => api.patch('/users/anna', { name: 'Anna' })))
      const blocked = () =>
        ask<{ count: number }>(
          'select count(*) as count from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database()',
        )
      await eventually(blocked, ([row]) => (row?.count ?? 0) > 0)
      t.equal((await web.refresh(refresh)).status, 200, 'while they wait')
      t.equal((await blocked())[0]?.count, 1)
      await ask('rollback')
      const statuses = (await Promise.all(waiting)).map(({ status }) => status)
      t.equal(statuses.filter((status) => status === 200 || status === 503).length, 30)
    })
  },
)
